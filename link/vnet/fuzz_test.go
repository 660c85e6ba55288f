package vnet

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// seeds adds frames of all kinds, and the arguments that follow.
func seeds(f *testing.F, args ...any) {
	payload := bytes.Repeat([]byte("payload"), 40)
	for _, s := range []spec{
		{}, {payload: payload}, {partial: true, payload: payload},
		{partial: true, gso: 100, payload: payload, flags: 0x99},
		{partial: true, gso: 100, payload: payload, v6: true, ecn: true, flags: 0x80},
		{partial: true, gso: 7, payload: payload, udp: true, vlans: 2},
		{partial: true, gso: 99, payload: payload, udp: true, v6: true, first: 0, opts: hopOpts(17)},
		{partial: true, gso: 99, payload: payload, v6: true, first: 43, opts: routing(6, payload[:16]), final: payload[:16]},
		{gso: 100, payload: payload, tcpOpts: []byte{1, 1, 1, 0}},
		{udp: true, frag: 0x2001, payload: payload, opts: []byte{0x83, 3, 4, 1, 7, 3, 4, 0}},
	} {
		f.Add(append([]any{s.frame()}, args...)...)
	}
	f.Add(append([]any{[]byte{}}, args...)...)
	odd := spec{partial: true, gso: 300, payload: payload}.frame()
	odd[0] |= 0x30 // flags that nobody defined
	f.Add(append([]any{odd}, args...)...)
	f.Add(append([]any{build(spec{v6: true, partial: true, gso: 9, first: 44, opts: make([]byte, 8), payload: payload})}, args...)...)
}

// FuzzValidate checks that what Validate says holds on the bytes.
func FuzzValidate(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, frame []byte) {
		before := bytes.Clone(frame)
		h, err := Validate(frame)
		if !bytes.Equal(frame, before) {
			t.Fatal("the frame was changed")
		}
		_ = Intact(frame)
		if err != nil {
			return
		}
		eth := len(frame) - HeaderLen
		if h.Flags&FlagNeedsCsum != 0 && (int(h.CsumStart) < ethLen || int(h.CsumStart)+int(h.CsumOffset)+2 > eth) {
			t.Fatalf("checksum at %d+%d of %d bytes", h.CsumStart, h.CsumOffset, eth)
		}
		if h.GSOType != GSONone && (h.GSOSize == 0 || h.GSOType == GSOUDP) {
			t.Fatalf("accepted %+v", h)
		}
	})
}

// FuzzFit checks that no frame makes Fit panic, that it never refuses what
// Validate accepted, and that its output fits, is valid, and has right
// checksums in every segment.
func FuzzFit(f *testing.F) {
	seeds(f, uint8(0))
	seeds(f, uint8(FeatureCsum))
	f.Fuzz(func(t *testing.T, frame []byte, features uint8) {
		frame = bytes.Clone(frame) // Fit may write to it, and the fuzzer's must stay
		have := Features(features) & FeaturesAll
		h, valid := Validate(frame)
		segmented := valid == nil && h.GSOType != GSONone && repair(frame, h)
		var s Segmenter
		var payload int
		err := Fit(frame, have, &s, func(out []byte) error {
			if !Fits(out, have) {
				t.Fatalf("emitted what does not fit: % x", out[:HeaderLen])
			}
			h, err := Validate(out)
			if valid == nil && err != nil {
				t.Fatalf("emitted what is not valid: %v", err)
			}
			if segmented && h.GSOType == GSONone {
				end := out[:len(out)-padding(out)]
				p, err := verify(end, have&FeatureCsum != 0)
				if err != nil {
					t.Fatalf("%v\n% x", err, out)
				}
				payload += len(p.payload)
			}
			return nil
		})
		if valid == nil && err != nil {
			t.Fatalf("refused: %v", err)
		}
		if payload != 0 {
			if l, _ := parse(frame[HeaderLen:], len(frame)-HeaderLen); payload >= l.end-l.l4 {
				t.Fatalf("payload grew to %d", payload)
			}
		}
	})
}

// repair puts into a frame with segmentation what a sender must have put there,
// since Fit builds upon it: the IPv4 header checksum is not its to mend, UDP's
// length and the pseudo-header's sum are what segments start from. It reports
// whether the reference can verify the outcome.
func repair(frame []byte, h Header) bool {
	eth := frame[HeaderLen:]
	l, _ := parse(eth, len(eth))
	if l.routed {
		return false
	}
	if l.proto == protoUDP {
		binary.BigEndian.PutUint16(eth[l.l4+4:], uint16(l.end-l.l4))
	}
	if l.version == 4 {
		clear(eth[l.l3+10 : l.l3+12])
		binary.BigEndian.PutUint16(eth[l.l3+10:], ^slowSum(eth[l.l3:l.l4]))
	}
	if h.Flags&FlagNeedsCsum != 0 {
		binary.BigEndian.PutUint16(eth[h.CsumStart+h.CsumOffset:], slowPseudo(eth[:l.end], nil))
	}
	return true
}

// padding is how many bytes follow the L3 packet.
func padding(frame []byte) int {
	l, _ := parse(frame[HeaderLen:], len(frame)-HeaderLen)
	return len(frame) - HeaderLen - l.end
}

// FuzzFragment4 checks that fragments reassemble to the packet.
func FuzzFragment4(f *testing.F) {
	seeds(f, uint16(68))
	seeds(f, uint16(100))
	f.Fuzz(func(t *testing.T, frame []byte, mtu uint16) {
		source, frame := frame, bytes.Clone(frame)
		out, err := fragments(frame, int(mtu), new(Segmenter))
		if err != nil || len(out) < 2 {
			return // as it was, or refused
		}
		l, r := parse(source[HeaderLen:], len(source)-HeaderLen)
		if r != 0 {
			t.Fatalf("fragments of a frame that is %v", r)
		}
		eth := source[HeaderLen:]
		field := binary.BigEndian.Uint16(eth[l.l3+6:])
		for _, f := range out {
			if !bytes.Equal(f[HeaderLen:][:l.l3], eth[:l.l3]) {
				t.Fatal("link header differs")
			}
		}
		data, first, mf, err := reassemble(out, int(mtu))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(data, eth[l.l4:l.end]) || first != int(field&0x1fff)*8 || mf != (field&0x2000 != 0) {
			t.Fatalf("%d of %d bytes from %d, MF %v", len(data), l.end-l.l4, first, mf)
		}
	})
}

// FuzzPacket checks that a frame comes back from a PacketBuffer with the same
// bytes and, if it was valid, a header that means the same.
func FuzzPacket(f *testing.F) {
	seeds(f, false, false)
	seeds(f, true, true)
	f.Fuzz(func(t *testing.T, frame []byte, complete, offloaded bool) {
		frame = bytes.Clone(frame)
		want, valid := Validate(frame)
		pkt, err := ToPacket(frame, PacketOptions{CompleteCsum: complete})
		if err != nil {
			if valid == nil {
				t.Fatalf("refused: %v", err)
			}
			return
		}
		defer pkt.DecRef()
		before := contents(pkt)
		var v Vec
		got := join(FromPacket(pkt, &v, offloaded))
		if flat := PacketToBytes(pkt, nil, offloaded); !bytes.Equal(flat, got) {
			t.Fatalf("PacketToBytes % x\nFromPacket % x", flat, got)
		}
		if !bytes.Equal(contents(pkt), before) {
			t.Fatal("the packet was changed")
		}
		if valid != nil {
			return
		}
		h, err := Validate(got)
		if err != nil {
			t.Fatalf("came back as %v: %v", h, err)
		}
		if !complete && !offloaded {
			sameWork(t, h, want, frame)
		}
		if !offloaded && !bytes.Equal(got[HeaderLen:], frame[HeaderLen:]) {
			t.Fatal("bytes differ")
		}
	})
}

// sameWork checks that no open work was lost or invented on the way: got may say
// none for a segmentation into one segment, and the ECN bit follows CWR.
func sameWork(t *testing.T, got, want Header, frame []byte) {
	t.Helper()
	if (got.Flags^want.Flags)&FlagNeedsCsum != 0 || got.Flags&FlagNeedsCsum != 0 && (got.CsumStart != want.CsumStart || got.CsumOffset != want.CsumOffset) {
		t.Fatalf("checksum: %v, want %v", got, want)
	}
	if want.GSOType == GSONone {
		if got.GSOType != GSONone {
			t.Fatalf("segmentation: %v, want %v", got, want)
		}
		return
	}
	eth := frame[HeaderLen:]
	l, _ := parse(eth, len(eth))
	n, _, _ := l.transport(eth)
	if l.end-l.l4-n <= int(want.GSOSize) {
		want.GSOType, want.GSOSize = GSONone, 0
	}
	if got.GSOType&gsoTypeIs != want.GSOType&gsoTypeIs || got.GSOSize != want.GSOSize {
		t.Fatalf("segmentation: %v, want %v", got, want)
	}
}
