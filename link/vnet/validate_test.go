package vnet

import (
	"encoding/binary"
	"errors"
	"testing"
)

func TestValidateAcceptsWhatIsConsistent(t *testing.T) {
	r := random(t)
	for range 2000 {
		s := randomSpec(r, 3000)
		s.partial = r.IntN(2) == 0
		if s.partial {
			s.gso = uint16(r.IntN(1500))
			s.ecn = !s.udp && s.gso != 0 && r.IntN(2) == 0
		}
		h, err := Validate(s.frame())
		if err != nil {
			t.Fatalf("%+v: %v", s, err)
		}
		if h != s.header() {
			t.Fatalf("%+v: header %+v, want %+v", s, h, s.header())
		}
	}
}

func TestValidateRefuses(t *testing.T) {
	tcp := spec{partial: true, gso: 100, payload: make([]byte, 300)}
	with := func(f func(*spec)) spec { s := tcp; f(&s); return s }
	v6 := with(func(s *spec) { s.v6 = true })
	udp := with(func(s *spec) { s.udp = true })
	plain := with(func(s *spec) { s.gso = 0 })
	fragment := with(func(s *spec) { s.frag = 0x2000 })
	atomic := with(func(s *spec) { s.v6, s.first, s.opts = true, 44, []byte{6, 0, 0, 0, 0, 0, 0, 1} })
	routed := with(func(s *spec) { s.v6, s.first, s.opts = true, 43, routing(6, make([]byte, 16)) })

	// Offsets count from the start of the byte form.
	poke := func(off int, b ...byte) func([]byte) []byte {
		return func(f []byte) []byte { copy(f[off:], b); return f }
	}
	field := func(off int, v uint16) func([]byte) []byte {
		return func(f []byte) []byte { binary.NativeEndian.PutUint16(f[off:], v); return f }
	}
	cutTo := func(n int) func([]byte) []byte { return func(f []byte) []byte { return f[:n] } }
	raw := func(s string) func([]byte) []byte {
		return func(f []byte) []byte { return append(f[:HeaderLen:HeaderLen], s...) }
	}
	for _, test := range []struct {
		name string
		spec spec
		edit func([]byte) []byte
		want Reason
	}{
		{"empty", tcp, cutTo(0), ErrTruncated},
		{"header only", tcp, cutTo(10), ErrTruncated},
		{"half an Ethernet header", tcp, cutTo(23), ErrTruncated},
		{"no IPv4 header", plain, cutTo(24), ErrTruncated},
		{"half an IPv4 header", plain, cutTo(43), ErrTruncated},
		{"half an IPv6 header", v6, cutTo(63), ErrTruncated},
		{"IPv4 longer than the frame", plain, cutTo(100), ErrTruncated},
		{"IPv6 longer than the frame", v6, cutTo(100), ErrTruncated},
		{"half a VLAN tag", plain, raw("dddddd" + "ssssss" + "\x81\x00" + "\x00\x05\x08"), ErrTruncated},
		{"IPv4 one byte short", plain, func(f []byte) []byte { return f[:len(f)-1] }, ErrTruncated},
		{"IPv6 one byte short", v6, func(f []byte) []byte { return f[:len(f)-1] }, ErrTruncated},
		{"version 5", plain, poke(24, 0x55), ErrHeaders},
		{"IHL 4", plain, poke(24, 0x44), ErrHeaders},
		{"total length below the header", plain, poke(26, 0, 19), ErrHeaders},
		{"IPv6 version 4", v6, poke(24, 0x40), ErrHeaders},
		{"hop-by-hop header behind the end", v6, poke(28, 0, 4, 0), ErrHeaders},
		{"long hop-by-hop header", v6, poke(30, 0), ErrHeaders},
		{"TCP header of 16 bytes", tcp, poke(44+12, 0x40), ErrHeaders},
		{"TCP header behind the end", tcp, poke(26, 0, 39), ErrTruncated},
		{"TCP options behind the end", spec{partial: true, gso: 1}, poke(44+12, 0xf0), ErrHeaders},
		{"UDP header behind the end", udp, poke(26, 0, 27), ErrTruncated},

		{"checksum in the Ethernet header", plain, field(6, 13), ErrCsumRange},
		{"checksum in the IPv4 header", plain, field(6, 33), ErrCsumRange},
		{"checksum in the IPv6 header", with(func(s *spec) { s.v6, s.gso = true, 0 }), field(6, 53), ErrCsumRange},
		{"checksum start behind the end", plain, field(6, 0xffff), ErrCsumRange},
		{"checksum offset behind the end", plain, field(8, 319), ErrCsumRange},
		{"ARP with a checksum behind the end", plain, raw("ddddddssssss\x81\x00\x00\x01\x08\x06xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"), ErrCsumRange},

		{"UFO", udp, poke(1, 3), ErrGSOType},
		{"unknown segmentation", tcp, poke(1, 2), ErrGSOType},
		{"only the ECN bit", tcp, poke(1, 0x80), ErrGSOType},
		{"USO with ECN", udp, poke(1, 0x85), ErrGSOType},
		{"tcp6 on IPv4", tcp, poke(1, 4), ErrGSOProto},
		{"tcp4 on IPv6", v6, poke(1, 1), ErrGSOProto},
		{"tcp4 on UDP", udp, poke(1, 1), ErrGSOProto},
		{"USO on TCP", tcp, poke(1, 5), ErrGSOProto},
		{"segmentation of ARP", tcp, poke(22, 8, 6), ErrGSOProto},
		{"segmentation behind three tags", tcp, poke(22, 0x81, 0, 0, 1, 0x81, 0, 0, 1, 0x81, 0, 0, 1, 8, 0), ErrGSOProto},
		{"segments of size 0", tcp, field(4, 0), ErrGSOSize},
		{"not TCP's checksum start", tcp, field(6, 35), ErrGSOCsum},
		{"not TCP's checksum offset", tcp, field(8, 6), ErrGSOCsum},
		{"not UDP's checksum offset", udp, field(8, 16), ErrGSOCsum},
		{"segmentation of a fragment", fragment, poke(0), ErrFragment},
		{"segmentation of an IPv6 fragment", atomic, poke(0), ErrFragment},
		{"full checksum with a routing header", routed, poke(0, 0), ErrGSOCsum},
	} {
		t.Run(test.name, func(t *testing.T) {
			frame := build(test.spec)
			frame = test.edit(frame)
			_, err := Validate(frame)
			if !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if len(frame) < HeaderLen {
				return
			}
			emit := func([]byte) error { t.Error("emitted"); return nil }
			if err := Fit(frame, 0, new(Segmenter), emit); len(frame) >= HeaderLen+ethLen && !errors.Is(err, test.want) {
				t.Errorf("Fit: got %v, want %v", err, test.want)
			}
		})
	}
}

// build is frame for specs with a fragment header, which the reference does not know.
func build(s spec) []byte {
	if s.first != 44 {
		return s.frame()
	}
	first, opts := s.first, s.opts
	s.first, s.opts = 60, hopOpts(6)
	f := s.frame()
	f[HeaderLen+s.l3()+6] = first
	copy(f[HeaderLen+s.l3()+40:], opts)
	return f
}

func TestValidateLooksOnlyAtOpenWork(t *testing.T) {
	frame := append(make([]byte, HeaderLen), "ddddddssssss\x08\x00junk"...)
	if _, err := Validate(frame); err != nil {
		t.Errorf("without open work: %v", err)
	}
	frame[0] = FlagNeedsCsum
	if _, err := Validate(frame); !errors.Is(err, ErrTruncated) {
		t.Errorf("with open work: %v", err)
	}
}

func TestValidateAcceptsMissingNeedsCsum(t *testing.T) {
	s := spec{gso: 100, payload: make([]byte, 300)}
	if _, err := Validate(s.frame()); err != nil {
		t.Error(err)
	}
}

func TestReasons(t *testing.T) {
	seen := map[string]bool{Reason(0).String(): true}
	for r := Reason(1); r < NumReasons; r++ {
		if seen[r.String()] {
			t.Errorf("reason %d has no text of its own: %v", r, r)
		}
		seen[r.String()] = true
	}
	if NumReasons != len(seen) {
		t.Errorf("NumReasons is %d, want %d", NumReasons, len(seen))
	}
	if Reason(0).err() != nil {
		t.Error("the zero Reason is an error")
	}
}
