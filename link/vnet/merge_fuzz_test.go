package vnet

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

// TestMergeRandom merges random batches, many with one Merger.
func TestMergeRandom(t *testing.T) {
	r := random(t)
	ms := []*Merger{{}, {Atomic: true}, {MTU: 600}}
	merged := 0
	for range 1000 {
		frames := randomBatch(r)
		have := FeaturesAll
		if r.IntN(4) == 0 {
			have = Features(r.IntN(32))
		}
		merged += len(frames) - len(checkMerge(t, ms[r.IntN(len(ms))], frames, have))
	}
	if merged < 3000 {
		t.Errorf("only %d frames were merged", merged)
	}
}

// randomBatch has a few flows, which are interleaved, with damage here and there.
func randomBatch(r *rand.Rand) (frames [][]byte) {
	var flows []spec
	for range 1 + r.IntN(4) {
		s := randomSpec(r, 0)
		if r.IntN(4) > 0 {
			s.opts, s.vlans, s.final = nil, 0, nil
		}
		s.flags, s.frag, s.partial = 0x10, uint16(r.IntN(2)*0x4000), r.IntN(2) == 0
		s.payload = bytesOf(r, 1+r.IntN(300))
		flows = append(flows, s)
	}
	for i := 0; len(frames) < 64; {
		if r.IntN(3) == 0 {
			i = r.IntN(len(flows))
		}
		s := &flows[i]
		now := *s
		s.id += uint16(min(1, r.IntN(30)))
		s.seq += uint32(len(s.payload))
		switch r.IntN(40) {
		case 0:
			now.payload = now.payload[:r.IntN(len(now.payload))]
		case 1:
			now.flags |= 1 << r.IntN(8)
		case 2:
			now.gso, now.partial = 1+uint16(len(now.payload)/2), true
		case 3:
			now.partial = !now.partial
		case 4:
			now.tcpOpts = bytesOf(r, len(now.tcpOpts))
		case 5:
			now.payload = bytesOf(r, r.IntN(400))
		}
		f := now.frame()
		switch r.IntN(40) {
		case 0:
			f[r.IntN(len(f))] ^= 1 << r.IntN(8)
		case 1:
			f = append(f, bytesOf(r, r.IntN(9))...)
		case 2:
			f = f[:24+r.IntN(len(f)-23)]
		}
		if _, err := Validate(f); err == nil {
			frames = append(frames, f)
		}
	}
	return frames
}

// FuzzMerge merges batches of up to three flows, whose first frames are given. Of each three bits of order
// two choose the flow and one whether its next frame continues it.
func FuzzMerge(f *testing.F) {
	for _, s := range kinds {
		other := s
		other.v6, other.payload = !s.v6, []byte("payload")
		s.payload = []byte("some payload")
		f.Add(s.frame(), other.frame(), spec{udp: true, partial: true, gso: 3, payload: s.payload}.frame(), uint64(0x249249249249), uint8(FeaturesAll), false, uint16(0))
		f.Add(s.frame(), other.frame(), spec{frag: 0x2000}.frame(), rand.Uint64(), uint8(FeaturesAll), true, uint16(48))
	}
	f.Fuzz(func(t *testing.T, a, b, c []byte, order uint64, have uint8, atomic bool, mtu uint16) {
		flows := [][]byte{bytes.Clone(a), bytes.Clone(b), bytes.Clone(c)}
		var frames [][]byte
		for ; order != 0; order >>= 3 {
			i := order & 3 % 3
			if _, err := Validate(flows[i]); err != nil {
				continue
			}
			frames = append(frames, bytes.Clone(flows[i]))
			if order&4 != 0 {
				follow(flows[i])
			}
		}
		checkMerge(t, &Merger{Atomic: atomic, MTU: int(mtu)}, frames, Features(have)&FeaturesAll)
	})
}

// follow turns a frame into the next one of its flow, with right checksums.
func follow(frame []byte) {
	eth := frame[HeaderLen:]
	l, r := parse(eth, len(eth))
	n, _, bad := l.transport(eth)
	if r != 0 || bad != 0 || n == 0 {
		return
	}
	if l.version == 4 {
		binary.BigEndian.PutUint16(eth[l.l3+4:], binary.BigEndian.Uint16(eth[l.l3+4:])+1)
	}
	if l.proto == protoTCP {
		binary.BigEndian.PutUint32(eth[l.l4+4:], binary.BigEndian.Uint32(eth[l.l4+4:])+uint32(l.end-l.l4-n))
	}
	mended(frame, spec{v6: l.version == 6, udp: l.proto == protoUDP, partial: frame[0]&FlagNeedsCsum != 0,
		opts: make([]byte, max(0, l.l4-l.l3-ipv4MinLen-20*(int(l.version)-4)/2))})
}
