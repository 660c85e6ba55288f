package vnet

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"
)

// checkSegments compares what was emitted for s with what RFCs ask of it.
func checkSegments(s spec, out [][]byte, partial bool) error {
	want := (len(s.payload) + int(s.gso) - 1) / int(s.gso)
	if len(out) != want {
		return fmt.Errorf("%d segments, want %d", len(out), want)
	}
	source, err := dissect(s.frame()[HeaderLen:])
	if err != nil {
		return err
	}
	var payload []byte
	for i, f := range out {
		p, err := verify(f, partial)
		if err != nil {
			return fmt.Errorf("segment %d: %w", i, err)
		}
		last := i == len(out)-1
		if !last && len(p.payload) != int(s.gso) || len(p.payload) > int(s.gso) || len(p.payload) == 0 {
			return fmt.Errorf("segment %d has %d bytes of payload, size is %d", i, len(p.payload), s.gso)
		}
		if !bytes.Equal(p.link, source.link) || !bytes.Equal(p.opts, source.opts) {
			return fmt.Errorf("segment %d: link header or options differ", i)
		}
		if !s.v6 && binary.BigEndian.Uint16(p.ip[4:]) != s.id+uint16(i) {
			return fmt.Errorf("segment %d: IP id % x, first %#x", i, p.ip[4:6], s.id)
		}
		if err := checkTCP(s, source, p, i, len(payload), last); err != nil {
			return fmt.Errorf("segment %d: %w", i, err)
		}
		payload = append(payload, p.payload...)
	}
	if !bytes.Equal(payload, s.payload) {
		return fmt.Errorf("the payload differs")
	}
	return nil
}

// checkTCP does what is left for TCP; for UDP it compares the ports.
func checkTCP(s spec, source, p packet, i, off int, last bool) error {
	want := bytes.Clone(source.transport)
	if s.udp {
		if !bytes.Equal(p.transport[:4], want[:4]) {
			return fmt.Errorf("ports differ")
		}
		return nil
	}
	binary.BigEndian.PutUint32(want[4:], s.seq+uint32(off))
	if !last {
		want[13] &= 0xff - 1 - 8 // FIN, PSH
	}
	if i > 0 {
		want[13] &= 0x7f // CWR
	}
	copy(want[16:], p.transport[16:18])
	if !bytes.Equal(p.transport, want) {
		return fmt.Errorf("TCP header % x, want % x", p.transport, want)
	}
	return nil
}

func TestSegmentsReassemble(t *testing.T) {
	r := random(t)
	var s Segmenter // shared, to see what one frame leaves behind
	for i := range 1500 {
		sp := randomSpec(r, 9000)
		if i%100 == 0 {
			sp.payload = bytesOf(r, 65000-len(sp.opts)-len(sp.tcpOpts))
		}
		sp.partial = true
		sp.gso = uint16(1 + r.IntN(3000))
		if len(sp.payload) <= int(sp.gso) {
			continue
		}
		have := []Features{0, FeatureCsum, FeatureTSO4 | FeatureTSO6 | FeatureUSO}[r.IntN(3)]
		frame := sp.frame()
		before := bytes.Clone(frame)
		var out [][]byte
		err := Fit(frame, have, &s, func(f []byte) error {
			out = append(out, bytes.Clone(f))
			for i := range f { // a receiver may write to what it borrows
				f[i] = 0xff
			}
			return nil
		})
		if err != nil {
			t.Fatalf("%+v: %v", sp, err)
		}
		if err := checkSegments(sp, out, have&FeatureCsum != 0); err != nil {
			t.Fatalf("%+v: %v", sp, err)
		}
		if !bytes.Equal(frame, before) {
			t.Fatal("the source was changed")
		}
	}
}

func TestSegmentWritesSameBytesAsBuilder(t *testing.T) {
	payload := []byte("first second third")
	s := spec{seq: 0xfffffffc, id: 0xffff, flags: 0xff, partial: true, gso: 7, payload: payload, vlans: 1}
	want := []spec{
		{seq: 0xfffffffc, id: 0xffff, flags: 0xf6, payload: payload[:7], vlans: 1},
		{seq: 3, id: 0, flags: 0x76, payload: payload[7:14], vlans: 1},
		{seq: 10, id: 1, flags: 0x7f, payload: payload[14:], vlans: 1},
	}
	out := collect(t, s.frame(), 0)
	if len(out) != len(want) {
		t.Fatalf("%d segments, want %d", len(out), len(want))
	}
	for i := range want {
		if !bytes.Equal(out[i], want[i].frame()) {
			t.Errorf("segment %d:\n% x, want\n% x", i, out[i], want[i].frame())
		}
	}
}

func TestSegmentKeepsDF(t *testing.T) {
	s := spec{frag: 0x4000, udp: true, partial: true, gso: 7, payload: make([]byte, 20)}
	for _, f := range collect(t, s.frame(), 0) {
		if f[HeaderLen+s.l3()+6] != 0x40 {
			t.Errorf("flags %#x", f[HeaderLen+s.l3()+6])
		}
	}
}
