package packet

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"golang.org/x/net/bpf"
)

// wants is what Program promises, written slowly.
func wants(f Filter, b []byte) bool {
	switch {
	case f.DropAll:
		return false
	case f.All:
		return true
	case len(b) == 0:
		return false
	case f.Multicast && b[0]&1 != 0:
		return true
	case len(b) < 14:
		return false
	}
	b = b[12:]
	if t := binary.BigEndian.Uint16(b); t == 0x8100 || t == 0x88a8 {
		if len(b) < 6 {
			return false
		}
		b = b[4:]
	}
	l3 := b[2:]
	switch binary.BigEndian.Uint16(b) {
	case 0x0806:
		return true
	case 0x0800:
		return len(l3) >= 20 && owns(f, netip.AddrFrom4([4]byte(l3[16:])))
	case 0x86dd:
		if len(l3) >= 7 && l3[6] == 58 {
			switch {
			case len(l3) < 41:
				return false
			case l3[40] >= 133 && l3[40] <= 137:
				return true
			}
		}
		return len(l3) >= 40 && owns(f, netip.AddrFrom16([16]byte(l3[24:])))
	}
	return false
}

func owns(f Filter, a netip.Addr) bool {
	return slices.ContainsFunc(f.Addrs, func(x netip.Addr) bool { return x.Unmap().WithZone("") == a })
}

// vm compiles f and gives it to the virtual machine, by way of the raw form.
func vm(t testing.TB, f Filter, budget int) *bpf.VM {
	t.Helper()
	raw, err := compile(f, budget)
	if err != nil {
		t.Fatal(err)
	}
	if len(raw) > budget {
		t.Fatalf("%d instructions, want at most %d", len(raw), budget)
	}
	prog, ok := bpf.Disassemble(raw)
	if !ok {
		t.Fatal("program does not disassemble")
	}
	m, err := bpf.NewVM(prog)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func passes(t testing.TB, m *bpf.VM, frame []byte) bool {
	t.Helper()
	n, err := m.Run(frame)
	if err != nil {
		t.Fatal(err)
	}
	return n != 0
}

// ethernet builds a frame: group or unicast MAC, tags, ethertype, payload.
func ethernet(group bool, tags []uint16, ethertype uint16, payload []byte) []byte {
	b := []byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2}
	if group {
		b[0] |= 1
	}
	for _, tpid := range tags {
		b = binary.BigEndian.AppendUint16(b, tpid)
		b = binary.BigEndian.AppendUint16(b, 7)
	}
	return append(binary.BigEndian.AppendUint16(b, ethertype), payload...)
}

func ipv4(dst string) []byte {
	b := make([]byte, 28)
	b[0], b[9] = 0x45, 17
	a := netip.MustParseAddr(dst).As4()
	copy(b[16:], a[:])
	return b
}

func ipv6(dst string, next, icmpType byte) []byte {
	b := make([]byte, 48)
	b[0], b[6], b[40] = 0x60, next, icmpType
	a := netip.MustParseAddr(dst).As16()
	copy(b[24:], a[:])
	return b
}

func addrs(s ...string) (out []netip.Addr) {
	for _, x := range s {
		out = append(out, netip.MustParseAddr(x))
	}
	return out
}

func TestProgramVerdicts(t *testing.T) {
	own := Filter{Addrs: addrs("192.0.2.1", "::ffff:192.0.2.9", "2001:db8::1", "fe80::1%eth0")}
	group := Filter{Addrs: own.Addrs, Multicast: true}
	for _, c := range []struct {
		name  string
		f     Filter
		frame []byte
		want  bool
	}{
		{"address", own, ethernet(false, nil, typeIPv4, ipv4("192.0.2.1")), true},
		{"mapped address", own, ethernet(false, nil, typeIPv4, ipv4("192.0.2.9")), true},
		{"host's address", own, ethernet(false, nil, typeIPv4, ipv4("192.0.2.2")), false},
		{"IPv6 address", own, ethernet(false, nil, typeIPv6, ipv6("2001:db8::1", 6, 0)), true},
		{"IPv6 address with zone", own, ethernet(false, nil, typeIPv6, ipv6("fe80::1", 6, 0)), true},
		{"host's IPv6 address", own, ethernet(false, nil, typeIPv6, ipv6("2001:db8::2", 6, 0)), false},
		{"no addresses", Filter{}, ethernet(false, nil, typeIPv4, ipv4("192.0.2.1")), false},
		{"no IPv6 addresses", Filter{}, ethernet(false, nil, typeIPv6, ipv6("::", 6, 0)), false},
		{"ARP", Filter{}, ethernet(true, nil, typeARP, make([]byte, 28)), true},
		{"unicast ARP", Filter{}, ethernet(false, nil, typeARP, make([]byte, 28)), true},
		{"solicitation", Filter{}, ethernet(true, nil, typeIPv6, ipv6("ff02::1:ff00:1", 58, 135)), true},
		{"unicast advertisement to the host", own, ethernet(false, nil, typeIPv6, ipv6("2001:db8::2", 58, 136)), true},
		{"first of ND", own, ethernet(false, nil, typeIPv6, ipv6("2001:db8::2", 58, 133)), true},
		{"last of ND", own, ethernet(false, nil, typeIPv6, ipv6("2001:db8::2", 58, 137)), true},
		{"before ND", own, ethernet(false, nil, typeIPv6, ipv6("2001:db8::2", 58, 132)), false},
		{"after ND", own, ethernet(false, nil, typeIPv6, ipv6("2001:db8::2", 58, 138)), false},
		{"echo to the address", own, ethernet(false, nil, typeIPv6, ipv6("2001:db8::1", 58, 128)), true},
		{"ND type in TCP", own, ethernet(false, nil, typeIPv6, ipv6("2001:db8::2", 6, 135)), false},
		{"broadcast wanted", group, ethernet(true, nil, typeIPv4, ipv4("255.255.255.255")), true},
		{"broadcast not wanted", own, ethernet(true, nil, typeIPv4, ipv4("255.255.255.255")), false},
		{"broadcast address, unicast MAC", group, ethernet(false, nil, typeIPv4, ipv4("255.255.255.255")), false},
		{"other ethertype, group", group, ethernet(true, nil, 0x88cc, make([]byte, 40)), true},
		{"other ethertype, unicast", group, ethernet(false, nil, 0x88cc, make([]byte, 40)), false},
		{"tagged address", own, ethernet(false, []uint16{0x8100}, typeIPv4, ipv4("192.0.2.1")), true},
		{"service tag", own, ethernet(false, []uint16{0x88a8}, typeIPv6, ipv6("2001:db8::1", 6, 0)), true},
		{"tagged host's address", own, ethernet(false, []uint16{0x8100}, typeIPv4, ipv4("192.0.2.2")), false},
		{"tagged ARP", own, ethernet(false, []uint16{0x8100}, typeARP, make([]byte, 28)), true},
		{"two tags in the frame", own, ethernet(false, []uint16{0x88a8, 0x8100}, typeIPv4, ipv4("192.0.2.1")), false},
		{"all", Filter{All: true}, ethernet(false, nil, 0x88cc, nil), true},
		{"none", Filter{DropAll: true, All: true}, ethernet(true, nil, typeARP, nil), false},
		{"cut off in the address", own, ethernet(false, nil, typeIPv4, ipv4("192.0.2.1")[:19]), false},
		{"empty", group, nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := passes(t, vm(t, c.f, MaxInstructions), c.frame); got != c.want {
				t.Errorf("passes = %v, want %v", got, c.want)
			}
			if got := wants(c.f, c.frame); got != c.want {
				t.Errorf("the reference says %v, want %v", got, c.want)
			}
		})
	}
}

func TestProgramRefusesInvalidAddress(t *testing.T) {
	if _, err := Program(Filter{Addrs: []netip.Addr{{}}}); err == nil {
		t.Error("no error for the zero netip.Addr")
	}
}

// randomAddr draws from few values, so that hits, neighbours and common
// prefixes are frequent.
func randomAddr(r *rand.Rand) netip.Addr {
	if r.IntN(2) == 0 {
		return netip.AddrFrom4([4]byte{10, byte(r.IntN(2)), byte(r.IntN(4)), byte(r.IntN(256))})
	}
	a := [16]byte{0x20, 1, 0xd, 0xb8}
	for _, i := range []int{5, 10, 14} {
		a[i] = byte(r.IntN(3))
	}
	a[15] = byte(r.IntN(64))
	return netip.AddrFrom16(a)
}

func randomFrame(r *rand.Rand) []byte {
	var tags []uint16
	if r.IntN(4) == 0 {
		tags = append(tags, []uint16{0x8100, 0x88a8}[r.IntN(2)])
	}
	var b []byte
	switch a := randomAddr(r); {
	case r.IntN(10) == 0:
		b = ethernet(r.IntN(2) == 0, tags, uint16(r.IntN(1<<16)), make([]byte, 46))
	case a.Is4():
		b = ethernet(r.IntN(8) == 0, tags, typeIPv4, ipv4(a.String()))
	default:
		b = ethernet(r.IntN(8) == 0, tags, typeIPv6, ipv6(a.String(), byte(57+r.IntN(3)), byte(130+r.IntN(10))))
	}
	if r.IntN(8) == 0 {
		b = b[:r.IntN(len(b))]
	}
	return b
}

// TestProgramAgreesWithReference compares filters and frames at random: the
// exact program always agrees, a short one passes no less.
func TestProgramAgreesWithReference(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	hits := 0
	for range 300 {
		f := Filter{Multicast: r.IntN(2) == 0}
		for range r.IntN(1 << r.IntN(12)) {
			f.Addrs = append(f.Addrs, randomAddr(r))
		}
		exact, short := vm(t, f, MaxInstructions), vm(t, f, 64)
		for range 200 {
			b := randomFrame(r)
			want := wants(f, b)
			if got := passes(t, exact, b); got != want {
				t.Fatalf("seed %d: %d addresses, frame %x: passes = %v, want %v", seed, len(f.Addrs), b, got, want)
			}
			if want && !passes(t, short, b) {
				t.Fatalf("seed %d: %d addresses, frame %x: the short program drops it", seed, len(f.Addrs), b)
			}
			if want {
				hits++
			}
		}
	}
	if hits < 1000 {
		t.Errorf("seed %d: only %d of 60000 frames were wanted; the comparison says little", seed, hits)
	}
}

// TestProgramLimits checks what the documentation promises of large filters.
func TestProgramLimits(t *testing.T) {
	scattered := func(n int) (f Filter) {
		for i := range n {
			a := [4]byte{10}
			binary.BigEndian.PutUint16(a[2:], uint16(2*i))
			f.Addrs = append(f.Addrs, netip.AddrFrom4(a))
		}
		return f
	}
	between := ethernet(false, nil, typeIPv4, ipv4("10.0.0.1"))
	if passes(t, vm(t, scattered(2900), MaxInstructions), between) {
		t.Error("2900 scattered addresses are not told apart")
	}
	large := vm(t, scattered(30000), MaxInstructions)
	if !passes(t, large, between) {
		t.Error("30000 scattered addresses fit: the documentation is too careful")
	}
	if passes(t, large, ethernet(false, nil, typeIPv4, ipv4("10.1.0.1"))) {
		t.Error("an address outside of all ranges passes")
	}

	var run Filter
	for i := range 1 << 16 {
		run.Addrs = append(run.Addrs, netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}))
	}
	if raw, err := Program(run); err != nil || len(raw) > 40 {
		t.Errorf("65536 neighbours take %d instructions, %v", len(raw), err)
	}

	var v6 Filter
	for i := range 20000 {
		a := [16]byte{0x20, 1, 0xd, 0xb8}
		binary.BigEndian.PutUint32(a[12:], uint32(3*i))
		v6.Addrs = append(v6.Addrs, netip.AddrFrom16(a))
	}
	m := vm(t, v6, MaxInstructions)
	if passes(t, m, ethernet(false, nil, typeIPv6, ipv6("2001:db8:0:0:1::", 6, 0))) {
		t.Error("many IPv6 addresses: another /64 passes")
	}
}

func FuzzProgram(f *testing.F) {
	f.Add([]byte{192, 0, 2, 1}, ethernet(false, nil, typeIPv4, ipv4("192.0.2.1")), true)
	f.Add([]byte{}, ethernet(true, []uint16{0x8100}, typeARP, make([]byte, 28)), false)
	f.Add(make([]byte, 36), ethernet(false, nil, typeIPv6, ipv6("::", 58, 135)), false)
	f.Fuzz(func(t *testing.T, list, b []byte, multicast bool) {
		flt := Filter{Multicast: multicast}
		for len(list) >= 17 {
			if list[0]&1 == 0 {
				flt.Addrs = append(flt.Addrs, netip.AddrFrom4([4]byte(list[1:])))
				list = list[5:]
			} else {
				flt.Addrs = append(flt.Addrs, netip.AddrFrom16([16]byte(list[1:])))
				list = list[17:]
			}
		}
		if got, want := passes(t, vm(t, flt, MaxInstructions), b), wants(flt, b); got != want {
			t.Errorf("%v, frame %x: passes = %v, want %v", flt.Addrs, b, got, want)
		}
	})
}

func BenchmarkProgram(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	var f Filter
	for range 256 {
		f.Addrs = append(f.Addrs, randomAddr(r))
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Program(f); err != nil {
			b.Fatal(err)
		}
	}
}
