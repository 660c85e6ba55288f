package fib

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"testing"
)

const million = 1_000_000

// fullTable is a namespace with n IPv4 routes, spread over lengths as in a
// full table (most are /24), over 64 gateways of the master.
func fullTable(n int) Snapshot {
	rng := rand.New(rand.NewPCG(1, 1))
	s := Snapshot{Ifaces: []Iface{{Index: 2, Name: "m0", MTU: 1500, Up: true, Running: true}}}
	local := netip.MustParsePrefix("10.0.0.1/32")
	s.Routes = append(s.Routes, Route{Dst: local, Table: TableLocal, Type: Local, NextHops: []NextHop{{Index: 2}}})
	s.Routes = append(s.Routes, Route{Dst: netip.MustParsePrefix("0.0.0.0/0"), Table: TableMain, NextHops: []NextHop{{Index: 2, Via: local.Addr().Next()}}})
	seen := make(map[netip.Prefix]bool, n)
	for len(s.Routes) < n {
		bits := []int{24, 24, 24, 24, 24, 24, 23, 22, 22, 21, 20, 19, 18, 16}[rng.IntN(14)]
		a := netip.AddrFrom4([4]byte{byte(1 + rng.IntN(223)), byte(rng.Uint32()), byte(rng.Uint32()), 0})
		p := netip.PrefixFrom(a, bits).Masked()
		if seen[p] {
			continue
		}
		seen[p] = true
		via := netip.AddrFrom4([4]byte{10, 0, 0, byte(2 + rng.IntN(64))})
		s.Routes = append(s.Routes, Route{Dst: p, Table: TableMain, Protocol: 186, Metric: 20, NextHops: []NextHop{{Index: 2, Via: via}}})
	}
	return s
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func BenchmarkLoadMillion(b *testing.B) {
	s := fullTable(million)
	before := heap()
	var tab *Table
	for b.Loop() {
		tab, _, _ = Compile(s)
	}
	b.ReportMetric(float64(heap()-before)/(1<<20), "MiB")
	b.ReportMetric(float64(tab.Len()), "routes")
	runtime.KeepAlive(s)
}

func BenchmarkEqualMillion(b *testing.B) {
	s := fullTable(million)
	one, _, _ := Compile(s)
	two, _, _ := Compile(s)
	for b.Loop() {
		if !one.EqualRoutes(two) {
			b.Fatal("not equal")
		}
	}
}

func BenchmarkChangeMillion(b *testing.B) {
	tab, _, _ := Compile(fullTable(million))
	r := Route{Dst: netip.MustParsePrefix("198.51.100.0/24"), Table: TableMain, NextHops: []NextHop{{Index: 2}}}
	for b.Loop() {
		next, _ := tab.Apply([]Change{{OpAdd, r}})
		tab, _ = next.Apply([]Change{{OpDelete, r}})
	}
}

// aims are n IPv4 destinations: in prefixes that s has routes for, each as
// likely, or anywhere. They are bare numbers, so that reading them leaves the
// caches to the table, as a packet that has just come does.
func aims(s *Snapshot, n int, inRoutes bool) []uint32 {
	rng := rand.New(rand.NewPCG(2, 2))
	out := make([]uint32, n)
	for i := range out {
		out[i] = uint32(1+rng.IntN(223))<<24 | rng.Uint32()>>8
		if inRoutes {
			r := &s.Routes[1+rng.IntN(len(s.Routes)-1)] // the first is local
			a := r.Dst.Addr().As4()
			out[i] = binary.BigEndian.Uint32(a[:]) | uint32(uint64(rng.Uint32())>>r.Dst.Bits())
		}
	}
	return out
}

func query4(dst uint32) Query {
	return Query{
		Dst: netip.AddrFrom4([4]byte{byte(dst >> 24), byte(dst >> 16), byte(dst >> 8), byte(dst)}),
		Src: netip.AddrFrom4([4]byte{10, 1, 0, 11}),
	}
}

// Each of these makes n look-ups, one after the other, and is written out as
// callers are: through a function value they take half as long again. With
// serial no look-up begins before the last has its answer; else the processor
// may overlap them.
type lookups func(tab *Table, dst []uint32, n int, serial bool) (local int)

func plain(tab *Table, dst []uint32, n int, serial bool) (local int) {
	wait := 0
	for i := range n {
		r := tab.Lookup(query4(dst[(i+wait)&(len(dst)-1)]))
		if serial {
			wait = int(r.PrefixLen >> 6) // 0, which the processor cannot know
		}
		local += int(r.Verdict >> 1)
	}
	return local
}

func kernel(tab *Table, dst []uint32, n int, serial bool) (local int) {
	wait := 0
	for i := range n {
		r := tab.LookupKernel(2, query4(dst[(i+wait)&(len(dst)-1)]))
		if serial {
			wait = int(r.PrefixLen >> 6)
		}
		local += int(r.Verdict >> 1)
	}
	return local
}

func full(tab *Table, dst []uint32, n int, serial bool) (local int) {
	wait := 0
	for i := range n {
		r := tab.LookupFull(2, query4(dst[(i+wait)&(len(dst)-1)]))
		if serial {
			wait = int(r.PrefixLen >> 6)
		}
		local += int(r.Verdict >> 1)
	}
	return local
}

// benchLookups measures destinations that repeat soon, less soon and never
// (there are a million), from the routes and from anywhere.
func benchLookups(b *testing.B, lookups lookups) {
	s := fullTable(million)
	tab, _, _ := Compile(s)
	for _, from := range []string{"routes", "space"} {
		for _, n := range []int{64, 4096, 1 << 20} {
			dst := aims(&s, n, from == "routes")
			for _, order := range []string{"free", "serial"} {
				b.Run(fmt.Sprintf("%s/%d/%s", from, n, order), func(b *testing.B) {
					b.ReportAllocs()
					if lookups(tab, dst, b.N, order == "serial") > 0 {
						b.Fatal("the host's own address")
					}
				})
			}
		}
	}
}

func BenchmarkLookupMillion(b *testing.B)       { benchLookups(b, plain) }
func BenchmarkLookupKernelMillion(b *testing.B) { benchLookups(b, kernel) }
func BenchmarkLookupFullMillion(b *testing.B)   { benchLookups(b, full) }

// BenchmarkLookupKernel6Million has as many IPv6 routes, of the lengths that
// full tables have, and asks for destinations in them.
func BenchmarkLookupKernel6Million(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	s := Snapshot{Ifaces: []Iface{{Index: 2, Name: "m0", MTU: 1500, Up: true, Running: true}}}
	dst := make([]netip.Addr, 1<<20)
	for i := range dst {
		a := [16]byte{0: 0x20 | byte(rng.IntN(16)), 15: 1}
		binary.BigEndian.PutUint64(a[1:], rng.Uint64())
		dst[i] = netip.AddrFrom16(a)
		p := netip.PrefixFrom(dst[i], []int{48, 48, 48, 48, 32, 29, 44, 40, 36}[rng.IntN(9)]).Masked()
		via := netip.AddrFrom16([16]byte{0: 0xfe, 1: 0x80, 15: byte(2 + rng.IntN(64))})
		s.Routes = append(s.Routes, Route{Dst: p, Table: TableMain, NextHops: []NextHop{{Index: 2, Via: via}}})
	}
	tab, _, _ := Compile(s)
	rng.Shuffle(len(dst), func(i, j int) { dst[i], dst[j] = dst[j], dst[i] })
	src := netip.MustParseAddr("2001:db8::11")
	for _, n := range []int{64, 4096, 1 << 20} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for i := range b.N {
				if r := tab.LookupKernel(2, Query{Dst: dst[i&(n-1)], Src: src}); r.Verdict != VerdictForward {
					b.Fatal(r.Reason)
				}
			}
		})
	}
}

func BenchmarkLookupKernelSmall(b *testing.B) {
	s := fullTable(100)
	tab, _, _ := Compile(s)
	dst := aims(&s, 64, true)
	b.ReportAllocs()
	b.ResetTimer()
	if kernel(tab, dst, b.N, false) > 0 {
		b.Fatal("the host's own address")
	}
}

func TestLookupDoesNotAllocate(t *testing.T) {
	tab := compile(t, lab+`
		route default via 10.5.0.254 dev d0
		route 172.16.0.0/12 nexthop via 10.0.0.7 dev m0 nexthop via 10.0.0.8 dev m0
		route default6 via fe80::9 dev m0`)
	for _, text := range []string{"172.16.1.1", "8.8.8.8", "10.0.0.1", "2001:db8:9::9 from 2001:db8::7", "fe80::9"} {
		q := parseQuery(t, tab, text)
		if n := testing.AllocsPerRun(100, func() { tab.LookupKernel(2, q); tab.Lookup(q) }); n != 0 {
			t.Errorf("%s: %v allocations", text, n)
		}
	}
}
