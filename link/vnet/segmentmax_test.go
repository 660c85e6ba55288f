package vnet

import "testing"

func TestSegmentMax(t *testing.T) {
	tcp := func(hint uint16) []byte {
		eth := make([]byte, 14+20+32+3000)
		eth[12], eth[13] = 8, 0
		ip := eth[14:]
		ip[0], ip[2], ip[3], ip[8], ip[9] = 0x45, byte((len(ip))>>8), byte(len(ip)), 64, 6
		ip[20+12] = 8 << 4 // 32 bytes of TCP header
		frame := append(make([]byte, HeaderLen), eth...)
		h := Header{Flags: FlagNeedsCsum, GSOType: GSOTCPv4, HdrLen: hint, GSOSize: 1400, CsumStart: 34, CsumOffset: 16}
		h.Encode(frame)
		if _, err := Validate(frame); err != nil {
			t.Fatal(err)
		}
		return frame
	}
	// The hint may be nothing, or more than the headers.
	for _, hint := range []uint16{0, 66, 2000} {
		if got, want := SegmentMax(tcp(hint)), 14+20+32+1400; got != want {
			t.Errorf("hint %d: %d, want %d", hint, got, want)
		}
	}
	plain := make([]byte, HeaderLen+77)
	if got := SegmentMax(plain); got != 77 {
		t.Errorf("no segments: %d, want 77", got)
	}
	bad := tcp(66)
	bad[HeaderLen+14+9] = 17 // not TCP after all
	if got := SegmentMax(bad); got != len(bad)-HeaderLen {
		t.Errorf("refused: %d, want its own length", got)
	}
	if got := SegmentMax(nil); got > 0 {
		t.Errorf("nothing: %d", got)
	}
}
