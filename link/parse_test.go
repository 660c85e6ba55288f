package link

import (
	"bytes"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/ipvl/ipvl/link/linktest"
)

func FuzzParse(f *testing.F) {
	a, b := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
	c, d := netip.MustParseAddr("fd00::1"), netip.MustParseAddr("fd00::2")
	mac := linktest.MAC{2, 0, 0, 0, 0, 1}
	for _, seed := range [][]byte{
		linktest.Frame(mac, mac, 0x0800, linktest.IPv4(a, b, 17, make([]byte, 8))),
		linktest.Frame(mac, mac, 0x86dd, linktest.IPv6(c, d, 17, make([]byte, 8))),
		linktest.Frame(mac, mac, 0x0806, linktest.ARP(1, mac, a, mac, b)),
		linktest.Frame(mac, mac, 0x86dd, linktest.NS(netip.IPv6Unspecified(), d, c, mac)),
		linktest.Tag(linktest.Frame(mac, mac, 0x0800, linktest.IPv4(a, b, 17, nil)), 0x8100, 7),
		{},
	} {
		f.Add(seed[min(10, len(seed)):])
	}
	f.Fuzz(func(t *testing.T, eth []byte) {
		var m meta
		reason := parse(head(eth), len(eth), &m)
		if reason != reasonNone && m.kind != kindNone {
			t.Fatalf("reason %v with kind %d", reason, m.kind)
		}
		if len(eth) < ethLen && reason != ReasonShort {
			t.Fatalf("%d bytes gave %v", len(eth), reason)
		}
		for _, addr := range yielded(&m) {
			if !bytes.Contains(eth, addr.AsSlice()) {
				t.Fatalf("%v is not in the frame % x", addr, eth)
			}
		}
	})
}

// yielded returns the addresses that m speaks of.
func yielded(m *meta) []netip.Addr {
	switch m.kind {
	case kindARP, kindIPv4:
		return []netip.Addr{addr4(m.v4src), addr4(m.v4dst)}
	case kindIPv6, kindDAD:
		return []netip.Addr{m.v6src.addr(), m.v6dst.addr()}
	}
	return nil
}

// The index against a map, with all old copies kept: none may change.
func TestIndexAgainstMap(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	devs := []*Device{{id: 1}, {id: 2}, {id: 3}}
	var x index[uint32]
	ref := map[uint32]*Device{}
	type version struct {
		x   index[uint32]
		ref map[uint32]*Device
	}
	var old []version
	for i := range 3000 {
		k := rnd.Uint32N(700)
		if ref[k] == nil {
			d := devs[rnd.IntN(len(devs))]
			x, ref[k] = x.with(k, d), d
		} else {
			x = x.without(k)
			delete(ref, k)
		}
		if i%500 == 0 {
			c := make(map[uint32]*Device, len(ref))
			for k, d := range ref {
				c[k] = d
			}
			old = append(old, version{x, c})
		}
	}
	for i, v := range append(old, version{x, ref}) {
		if v.x.n != len(v.ref) {
			t.Errorf("version %d counts %d, want %d", i, v.x.n, len(v.ref))
		}
		for k := range uint32(700) {
			if got := v.x.get(k); got != v.ref[k] {
				t.Fatalf("version %d: %d is %v, want %v", i, k, got, v.ref[k])
			}
		}
	}
}

// Two changes to one version do not see each other.
func TestIndexVersionsBranch(t *testing.T) {
	a, b := &Device{id: 1}, &Device{id: 2}
	var base index[uint32]
	for k := range uint32(200) {
		base = base.with(k, a)
	}
	for k := uint32(1000); k < 2000; k++ {
		left, right := base.with(k, a), base.with(k, b)
		if left.get(k) != a || right.get(k) != b || base.get(k) != nil {
			t.Fatalf("key %d: %v, %v, %v", k, left.get(k), right.get(k), base.get(k))
		}
	}
}

func BenchmarkLookup(b *testing.B) {
	for _, n := range []int{2, 64, 4096} {
		var x index[uint32]
		d := &Device{}
		for i := range uint32(n) {
			x = x.with(0x0a000000+i, d)
		}
		b.Run(netip.AddrFrom4([4]byte{byte(n >> 8), byte(n)}).String(), func(b *testing.B) {
			b.ReportAllocs()
			for i := range b.N {
				if x.get(0x0a000000+uint32(i%n)) != d {
					b.Fatal("lost")
				}
			}
		})
	}
}
