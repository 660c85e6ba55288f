package fib

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// applyPlain makes a change in a list of routes.
func applyPlain(routes []Route, c Change) []Route {
	key := func(r Route) Route {
		return Route{Table: r.Table, Dst: r.Dst, Src: r.Src, TOS: r.TOS, Metric: r.Metric}
	}
	same := func(r Route) bool {
		return newEntry(&r).sameRoute(newEntry(&c.Route)) && r.Dst == c.Route.Dst && r.Table == c.Route.Table
	}
	exact := func(r Route) bool { return same(r) && slices.Equal(r.NextHops, c.Route.NextHops) }
	routes = slices.Clone(routes)
	switch c.Op {
	case OpDelete:
		if i := slices.IndexFunc(routes, same); i >= 0 {
			return slices.Delete(routes, i, i+1)
		}
		return routes
	case OpReplace:
		if slices.ContainsFunc(routes, exact) {
			return routes
		}
		for i := range routes {
			if a, b := key(routes[i]), key(c.Route); newEntry(&a).sameKey(newEntry(&b)) && a.Dst == b.Dst && a.Table == b.Table {
				routes[i] = c.Route
				return routes
			}
		}
	}
	if slices.ContainsFunc(routes, exact) {
		return routes
	}
	return append(routes, c.Route)
}

func TestApplyIsCompileOfTheChanged(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	s := randomSnapshot(rng)
	tab := mustCompile(t, s)
	for range 2000 {
		c := Change{Op: Op(rng.IntN(3)), Route: randomRoute(rng)}
		if len(s.Routes) > 0 && rng.IntN(2) == 0 {
			c.Route = s.Routes[rng.IntN(len(s.Routes))]
			c.Route.MTU += uint32(rng.IntN(2))
		}
		if len(s.Routes) > 60 {
			c.Op = OpDelete
		}
		before := mustCompile(t, s)
		s.Routes = applyPlain(s.Routes, c)
		next, _ := tab.Apply([]Change{c})
		if !tab.EqualRoutes(before) {
			t.Fatalf("seed %d: %v %+v changed the old table", seed, c.Op, c.Route)
		}
		want := mustCompile(t, s)
		if !next.EqualRoutes(want) || next.Len() != want.Len() {
			t.Fatalf("seed %d: after %v %+v\n got %+v\nwant %+v", seed, c.Op, c.Route, slices.Collect(next.Routes()), slices.Collect(want.Routes()))
		}
		if q := randomQuery(rng); next.LookupKernel(2, q) != want.LookupKernel(2, q) {
			t.Fatalf("seed %d: after %v %+v: %+v goes another way", seed, c.Op, c.Route, q)
		}
		tab = next
	}
}

// mustCompile takes what random snapshots have twice as it is.
func mustCompile(t testing.TB, s Snapshot) *Table {
	t.Helper()
	tab, _, err := Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	return tab
}

func TestApplyErrors(t *testing.T) {
	tab := compile(t, two+"route default via 10.0.0.1 dev m0")
	route := func(text string) Route { return parseSnapshot(t, two+"route "+text).Routes[0] }
	for _, tt := range []struct {
		op   Op
		text string
		want error
	}{
		{OpAdd, "default via 10.0.0.1 dev m0", ErrDuplicate},
		{OpReplace, "default via 10.0.0.1 dev m0", nil},
		{OpDelete, "default via 10.0.0.2 dev m0", ErrAbsent},
		{OpDelete, "10.0.0.0/8 dev m0", ErrAbsent},
		{OpAdd, "10.0.0.0/8 dev gone", ErrInterface},
		{OpAdd, "10.0.0.1/8 dev m0", ErrPrefix},
		{Op(9), "default via 10.0.0.1 dev m0", ErrType},
	} {
		next, out := tab.Apply([]Change{{tt.op, route(tt.text)}})
		if next != tab {
			t.Errorf("%v %s: a new table", tt.op, tt.text)
		}
		var e *Error
		if !errors.Is(out.First, tt.want) || tt.want != nil && !errors.As(out.First, &e) {
			t.Errorf("%v %s: %v, want %v", tt.op, tt.text, out.First, tt.want)
		}
	}
}

func TestApplyToTheZeroTable(t *testing.T) {
	var zero Table
	r := parseSnapshot(t, two+"route blackhole 10.0.0.0/8").Routes[0]
	next, _ := zero.Apply([]Change{{OpAdd, r}})
	if q := (Query{Dst: r.Dst.Addr()}); next.Lookup(q).Reason != ReasonBlackhole || zero.Lookup(q).Reason != ReasonNoRoute {
		t.Errorf("after %+v, before %+v", next.Lookup(q), zero.Lookup(q))
	}
	last, _ := next.Apply([]Change{{OpDelete, r}})
	if last.Len() != 0 || !last.EqualRoutes(&zero) {
		t.Errorf("%d routes left", last.Len())
	}
}
