package fib

import (
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

func benchLookup(b *testing.B, n, spread int, lookup func(*Table, *Query) Result) {
	tab, _, _ := Compile(fullTable(n))
	rng := rand.New(rand.NewPCG(2, 2))
	ask := make([]Query, spread)
	for i := range ask {
		ask[i] = Query{Dst: netip.AddrFrom4([4]byte{byte(1 + rng.IntN(223)), byte(rng.Uint32()), byte(rng.Uint32()), 9}), Src: netip.AddrFrom4([4]byte{10, 1, 0, 11})}
	}
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		if r := lookup(tab, &ask[i]); r.Verdict == VerdictLocal {
			b.Fatal(r)
		}
		if i++; i == len(ask) {
			i = 0
		}
	}
}

func BenchmarkLookupMillionRandom(b *testing.B) {
	benchLookup(b, million, 1<<16, func(t *Table, q *Query) Result { return t.Lookup(*q) })
}

func BenchmarkLookupKernelMillionRandom(b *testing.B) {
	benchLookup(b, million, 1<<16, func(t *Table, q *Query) Result { return t.LookupKernel(2, *q) })
}

func BenchmarkLookupFullMillionRandom(b *testing.B) {
	benchLookup(b, million, 1<<16, func(t *Table, q *Query) Result { return t.LookupFull(2, *q) })
}

func BenchmarkLookupKernelMillion4096(b *testing.B) {
	benchLookup(b, million, 4096, func(t *Table, q *Query) Result { return t.LookupKernel(2, *q) })
}

func BenchmarkLookupKernelMillion64(b *testing.B) {
	benchLookup(b, million, 64, func(t *Table, q *Query) Result { return t.LookupKernel(2, *q) })
}

func BenchmarkLookupKernelSmall(b *testing.B) {
	benchLookup(b, 100, 64, func(t *Table, q *Query) Result { return t.LookupKernel(2, *q) })
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
