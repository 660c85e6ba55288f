package packet

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"testing"
)

// flows is what Filter.Flows promises, written slowly. b is long enough.
func flows(fs []Flow, b []byte) bool {
	for _, f := range fs {
		if f.has(b) {
			return true
		}
	}
	return false
}

func (f Flow) has(b []byte) bool {
	v6 := f.Dst.Addr().Is6() || f.Src.Addr().Is6()
	ip := b[14:]
	var src, dst netip.Addr
	var proto uint8
	var rest []byte
	switch t := binary.BigEndian.Uint16(b[12:]); {
	case t == 0x0800 && !v6:
		src, dst, proto = netip.AddrFrom4([4]byte(ip[12:])), netip.AddrFrom4([4]byte(ip[16:])), ip[9]
		rest = ip[4*(ip[0]&0xf):]
	case t == 0x86dd && v6:
		src, dst, proto = netip.AddrFrom16([16]byte(ip[8:])), netip.AddrFrom16([16]byte(ip[24:])), ip[6]
		rest = ip[40:]
	default:
		return false
	}
	switch {
	case f.Src.IsValid() && !f.Src.Contains(src), f.Dst.IsValid() && !f.Dst.Contains(dst), f.Proto != 0 && f.Proto != proto:
		return false
	case !v6 && binary.BigEndian.Uint16(ip[6:])&0x1fff != 0:
		return true
	}
	in := func(at int) bool {
		n := binary.BigEndian.Uint16(rest[at:])
		return f.First == 0 && f.Last == 0 || n >= f.First && n <= f.Last
	}
	switch f.Proto {
	case 1:
		return rest[0] == 0 && in(4) || rest[0] != 8 && rest[0] != 0 && rest[0] <= 12
	case 58:
		return rest[0] < 128 || rest[0] == 129 && in(4)
	case 6, 17:
		return in(2)
	}
	return true
}

// A frame passes where the filter without flows takes it, or a flow does.
func TestFlows(t *testing.T) {
	p := netip.MustParsePrefix
	sets := [][]Flow{
		{{Proto: 6, Dst: p("10.0.0.1/32"), First: 80, Last: 80}},
		{{Proto: 17, Dst: p("10.0.0.0/30"), First: 61000, Last: 65535}, {Proto: 6, Src: p("10.0.0.2/31"), Dst: p("0.0.0.0/0")}},
		{{Proto: 1, Dst: p("10.0.0.1/32"), First: 61000, Last: 65535}, {Proto: 58, Dst: p("fd00::1/128"), First: 61000, Last: 65535}},
		{{Dst: p("fd00::/62")}, {Proto: 17, Src: p("fd00::2/127"), Dst: p("fd00::1/128"), First: 53, Last: 61000}},
		{{Proto: 47, Dst: p("10.0.0.3/32")}, {Proto: 58, Dst: p("::/0")}},
		make([]Flow, maxFlows+1),
	}
	r := rand.New(rand.NewPCG(1, 2))
	addrs4 := []string{"10.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.9"}
	addrs6 := []string{"fd00::1", "fd00::2", "fd00:0:0:3::1", "fd00:0:0:4::1"}
	ports := []uint16{0, 52, 53, 79, 80, 81, 60999, 61000, 65535}
	for _, set := range sets {
		f := Filter{Addrs: addrs("10.0.0.9"), Flows: set}
		m := vm(t, f, MaxInstructions)
		if len(set) > maxFlows {
			set = []Flow{{Dst: p("0.0.0.0/0")}, {Dst: p("::/0")}}
		}
		taken := 0
		for range 20000 {
			b := make([]byte, 100)
			l4 := 54
			if r.IntN(2) == 0 {
				binary.BigEndian.PutUint16(b[12:], 0x0800)
				ihl := 5 + r.IntN(3)
				b[14] = 0x40 | byte(ihl)
				b[20] = []byte{0, 0x40, 0x20, 1}[r.IntN(4)]
				b[23] = []byte{1, 6, 17, 47}[r.IntN(4)]
				copy(b[26:], netip.MustParseAddr(addrs4[r.IntN(5)]).AsSlice())
				copy(b[30:], netip.MustParseAddr(addrs4[r.IntN(5)]).AsSlice())
				l4 = 14 + 4*ihl
			} else {
				binary.BigEndian.PutUint16(b[12:], 0x86dd)
				b[20] = []byte{58, 6, 17, 0}[r.IntN(4)]
				copy(b[22:], netip.MustParseAddr(addrs6[r.IntN(4)]).AsSlice())
				copy(b[38:], netip.MustParseAddr(addrs6[r.IntN(4)]).AsSlice())
			}
			for at := 0; at < 6; at += 2 {
				binary.BigEndian.PutUint16(b[l4+at:], ports[r.IntN(len(ports))])
			}
			b[l4] = []byte{0, 1, 3, 8, 12, 13, 127, 128, 129, 130}[r.IntN(10)]
			want := wants(f, b) || flows(set, b)
			if want {
				taken++
			}
			if got := passes(t, m, b); got != want {
				t.Fatalf("%+v: frame % x: passes %v, want %v", set, b, got, want)
			}
		}
		if taken == 0 || taken == 20000 && len(f.Flows) <= maxFlows {
			t.Errorf("%+v: %d of 20000 frames pass: the test shows nothing", set, taken)
		}
	}
}
