package fib

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestRouteSet compiles the same routes given as values, one by one, and half
// and half.
func TestRouteSet(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	for range 300 {
		s := randomSnapshot(rng)
		want, left, err := Compile(s)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{len(s.Routes), len(s.Routes) / 2} {
			half, set := s, new(RouteSet)
			for i := range n {
				set.Add(&s.Routes[i])
			}
			half.Set, half.Routes = set, s.Routes[n:]
			got, out, err := Compile(half)
			if err != nil || out.Routes != left.Routes || got.Len() != want.Len() || !got.EqualRoutes(want) {
				t.Fatalf("seed %d: %d routes in a set: %d left out (%v)\n got %+v\nwant %+v", seed, n, out.Routes, err,
					slices.Collect(got.Routes()), slices.Collect(want.Routes()))
			}
			if set.Len() != 0 {
				t.Fatalf("seed %d: the set still has %d", seed, set.Len())
			}
		}
	}
}

// TestSetWithoutInterfaces: which interfaces there are is known when the set is
// compiled. What rejects needs none.
func TestSetWithoutInterfaces(t *testing.T) {
	s := parseSnapshot(t, two+`
		route 10.0.0.0/8 via 10.0.0.9 dev m0
		route 10.0.0.0/8 via 10.0.0.8 dev d0 metric 5
		route 11.0.0.0/8 dev d0
		route blackhole 12.0.0.0/8`)
	s.Routes[3].NextHops = []NextHop{{Index: 77}}
	want := mustCompile(t, Snapshot{Ifaces: s.Ifaces, Routes: []Route{s.Routes[0], s.Routes[3]}})
	s.Ifaces = slices.DeleteFunc(s.Ifaces, func(i Iface) bool { return i.Name == "d0" })
	s.Set = new(RouteSet)
	for i := range s.Routes {
		s.Set.Add(&s.Routes[i])
	}
	s.Routes = nil
	got, out, err := Compile(s)
	if err != nil || out.Routes != 2 || !errors.Is(out.First, ErrInterface) || got.Len() != 2 || !got.EqualRoutes(want) {
		t.Errorf("left out %+v (%v), in force %+v", out, err, slices.Collect(got.Routes()))
	}
	if tr := got.tries[TableMain]; tr.index.find(0x0b010101) != none {
		t.Error("the index has a route that was left out")
	}
}

// TestEmptySet: a set that took nothing is like none.
func TestEmptySet(t *testing.T) {
	tab := mustCompile(t, Snapshot{Set: new(RouteSet)})
	r := Route{Dst: randomPrefix(rand.New(rand.NewPCG(1, 1)), true), Table: TableMain, Type: Blackhole}
	if next, _ := tab.Apply([]Change{{OpAdd, r}}); tab.Len() != 0 || next.Len() != 1 {
		t.Errorf("%d routes, then %d", tab.Len(), next.Len())
	}
}
