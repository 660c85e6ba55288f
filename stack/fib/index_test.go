package fib

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"
)

// cornerAddr has few different bytes, so that prefixes of all lengths nest and
// addresses hit them.
func cornerAddr(rng *rand.Rand) netip.Addr {
	var b [4]byte
	for i := range b {
		b[i] = []byte{0, 1, 63, 64, 127, 128, 255}[rng.IntN(7)]
	}
	return netip.AddrFrom4(b)
}

// cornerRoute is of any length, with one of so many gateways.
func cornerRoute(rng *rand.Rand, gateways int) Route {
	p := netip.PrefixFrom(cornerAddr(rng), rng.IntN(33)).Masked()
	via := netip.AddrFrom4([4]byte{10, 0, 0, byte(rng.IntN(gateways))})
	return Route{Dst: p, Table: TableMain, NextHops: []NextHop{{Index: 2, Via: via}}}
}

// sameAsTrie compares what the index says with what it was made of.
func sameAsTrie(t *testing.T, rng *rand.Rand, tab *Table) {
	t.Helper()
	tr := tab.tries[TableMain]
	for range 50 {
		a := cornerAddr(rng)
		if tr == nil {
			return
		}
		want, _ := tr.bart.Lookup(a)
		if got := tr.longest4(key4(a)); got != want {
			t.Fatalf("%v: the index says %+v, the trie %+v", a, got, want)
		}
	}
}

// TestIndexIsTheTrie changes tables at random: what Apply redraws says the same
// as the trie, and as what Compile paints, slot by slot as long as all leaves
// have numbers.
func TestIndexIsTheTrie(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	for _, limit := range []int{maxPooled, 5, 0} {
		s := Snapshot{Ifaces: []Iface{{Index: 2, Name: "m0", Up: true}}}
		tab := mustCompile(t, s)
		tab.pool.limit = limit
		for range 1500 {
			c := Change{Op: Op(rng.IntN(3)), Route: cornerRoute(rng, 3)}
			if n := len(s.Routes); n > 0 && rng.IntN(2) == 0 {
				c = Change{OpDelete, s.Routes[rng.IntN(n)]}
			}
			s.Routes = applyPlain(s.Routes, c)
			tab, _ = tab.Apply([]Change{c})
			sameAsTrie(t, rng, tab)
			fresh := mustCompile(t, s)
			sameAsTrie(t, rng, fresh)
			if limit == maxPooled {
				sameSlots(t, rng, tab.tries[TableMain], fresh.tries[TableMain])
			}
		}
	}
}

// sameSlots finds slots that ask the trie without need, which is slow.
func sameSlots(t *testing.T, rng *rand.Rand, a, b *trie) {
	t.Helper()
	if a == nil || b == nil {
		if a != b {
			t.Fatalf("one of the tables is empty: %v, %v", a, b)
		}
		return
	}
	for range 50 {
		at := key4(cornerAddr(rng))
		x, y := a.index.find(at), b.index.find(at)
		if (x == none) != (y == none) || (x == ask) != (y == ask) {
			t.Fatalf("%v: slot %d after changes, %d when made anew", at, x, y)
		}
	}
}

// TestIndexWidens: as there are more leaves, their numbers need more room in a
// node that holds some.
func TestIndexWidens(t *testing.T) {
	tab := mustCompile(t, Snapshot{Ifaces: []Iface{{Index: 2, Name: "m0"}}})
	route := func(i int) Route {
		via := netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)})
		p := netip.PrefixFrom(netip.AddrFrom4([4]byte{11, byte(i >> 4), byte(i << 4), 0}), 24)
		return Route{Dst: p, Table: TableMain, NextHops: []NextHop{{Index: 2, Via: via}}}
	}
	for n := range 600 {
		tab, _ = tab.Apply([]Change{{OpAdd, route(n)}})
		if n&(n+1) != 0 && n != 599 {
			continue
		}
		for i := range n + 1 {
			want := route(i)
			if r := tab.Lookup(Query{Dst: want.Dst.Addr()}); r.NextHop != want.NextHops[0].Via || r.PrefixLen != 24 {
				t.Fatalf("of %d routes %v leads to %v", n+1, want.Dst, r.NextHop)
			}
		}
	}
}

// TestIndexForgets: what is deleted takes its nodes along.
func TestIndexForgets(t *testing.T) {
	tab := mustCompile(t, Snapshot{Ifaces: []Iface{{Index: 2, Name: "m0"}}, Routes: []Route{
		{Dst: netip.MustParsePrefix("0.0.0.0/0"), Table: TableMain, NextHops: []NextHop{{Index: 2}}},
	}})
	for _, text := range []string{"10.1.2.0/24", "10.1.2.3/32", "11.0.0.0/12"} {
		r := Route{Dst: netip.MustParsePrefix(text), Table: TableMain, NextHops: []NextHop{{Index: 2}}}
		at := r.Dst.Addr().As4()[0]
		next, _ := tab.Apply([]Change{{OpAdd, r}})
		if next.tries[TableMain].index.nodes[at] == nil || tab.tries[TableMain].index.nodes[at] != nil {
			t.Errorf("%s: no node, or one in the old table", text)
		}
		if next, _ = next.Apply([]Change{{OpDelete, r}}); next.tries[TableMain].index.nodes[at] != nil {
			t.Errorf("%s: deleted, and its node is there", text)
		}
	}
}

// TestNode packs blocks and finds each slot again, also after it was kept by
// another node.
func TestNode(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	for _, leaves := range []int{2, 3, 700, 1 << 16} {
		want := new(canvas)
		for i := range want {
			for range rng.IntN(90) {
				want[i][rng.IntN(blockSlots)] = slot(rng.IntN(leaves))
			}
			if i > 0 && rng.IntN(3) == 0 {
				want[i] = want[i-1]
			}
		}
		n := newNode(make([]*leaf, leaves), nil)
		for i := range want {
			n.add(i, &want[i])
		}
		n = n.done()
		kept := newNode(make([]*leaf, leaves), nil)
		for i := range want {
			kept.keep(i, n)
		}
		kept = kept.done()
		for i := range uint32(slots8) {
			s := want[i/blockSlots][i%blockSlots]
			if a, b := n.slot(10<<24|i<<8), kept.slot(i<<8|255); a != s || b != s || n.block(int(i/blockSlots)) != want[i/blockSlots] {
				t.Fatalf("slot %d of %d leaves: %d, then %d, want %d", i, leaves, a, b, s)
			}
		}
		if len(n.data) != len(kept.data) {
			t.Errorf("%d bytes, and then %d", len(n.data), len(kept.data))
		}
	}
	empty := newNode(make([]*leaf, 2), nil)
	for i := range blocks {
		empty.add(i, new(block))
	}
	if empty.done() != nil {
		t.Error("nothing takes room")
	}
}

func TestIfaces(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	for n := range 40 {
		want, set := make(map[int]*Iface), newIfaces(n)
		for range n {
			i := &Iface{Index: (rng.IntN(8) - 1) << rng.IntN(20)}
			if want[i.Index] == nil {
				want[i.Index] = i
				set.add(i)
			}
		}
		for index := -3; index < 1<<12; index++ {
			if set.get(index) != want[index] {
				t.Fatalf("seed %d: index %d of %d", seed, index, n)
			}
		}
	}
	if ifaces(nil).get(1) != nil {
		t.Error("an interface of none")
	}
}
