package fib

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"
)

func TestLeftOut(t *testing.T) {
	tests := map[string]struct {
		edit func(*Snapshot)
		want error
	}{
		"interface":     {func(s *Snapshot) { s.Routes[0].NextHops[0].Index = 77 }, ErrInterface},
		"no hop":        {func(s *Snapshot) { s.Routes[0].NextHops = nil }, ErrNoHop},
		"zero prefix":   {func(s *Snapshot) { s.Routes[0].Dst = netip.Prefix{} }, ErrPrefix},
		"not masked":    {func(s *Snapshot) { s.Routes[0].Dst = netip.MustParsePrefix("10.0.0.1/8") }, ErrPrefix},
		"4-in-6":        {func(s *Snapshot) { s.Routes[0].Dst = netip.MustParsePrefix("::ffff:10.0.0.0/104") }, ErrPrefix},
		"IPv4 source":   {func(s *Snapshot) { s.Routes[0].Src = netip.MustParsePrefix("10.0.0.0/8") }, ErrPrefix},
		"table 0":       {func(s *Snapshot) { s.Routes[0].Table = 0 }, ErrTable},
		"type":          {func(s *Snapshot) { s.Routes[0].Type = 99 }, ErrType},
		"gateway":       {func(s *Snapshot) { s.Routes[0].NextHops[0].Via = netip.MustParseAddr("::ffff:1.2.3.4") }, ErrAddress},
		"weight":        {func(s *Snapshot) { s.Routes[0].NextHops[0].Weight = -1 }, ErrAddress},
		"source":        {func(s *Snapshot) { s.Routes[0].PrefSrc = netip.MustParseAddr("::ffff:1.2.3.4") }, ErrAddress},
		"twice":         {func(s *Snapshot) { s.Routes = append(s.Routes, s.Routes[0]) }, ErrDuplicate},
		"rule family":   {func(s *Snapshot) { s.Rules[0].Family = 5 }, ErrAddress},
		"rule action":   {func(s *Snapshot) { s.Rules[0].Action = 99 }, ErrType},
		"rule table":    {func(s *Snapshot) { s.Rules[0].Table = 0 }, ErrTable},
		"rule prefix":   {func(s *Snapshot) { s.Rules[0].Src = netip.MustParsePrefix("2001:db8::/32") }, ErrPrefix},
		"addr":          {func(s *Snapshot) { s.Addrs[0].Prefix = netip.Prefix{} }, ErrAddress},
		"addr's device": {func(s *Snapshot) { s.Addrs[0].Index = 77 }, ErrInterface},
		"neigh":         {func(s *Snapshot) { s.Neighs[0].Dst = netip.Addr{} }, ErrAddress},
		"neigh's dev":   {func(s *Snapshot) { s.Neighs[0].Index = 77 }, ErrInterface},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := parseSnapshot(t, two+`
				addr 10.0.0.1/24 dev m0
				route 10.0.0.0/8 via 10.0.0.9 dev m0
				route 11.0.0.0/8 dev m0
				rule 10 lookup 254
				neigh 10.0.0.7 dev m0`)
			tt.edit(&s)
			tab, out, err := Compile(s)
			if err != nil || out.Total() != 1 || !errors.Is(out.First, tt.want) {
				t.Fatalf("left out %+v (%v), want one: %v", out, err, tt.want)
			}
			if tab.Lookup(Query{Dst: netip.MustParseAddr("11.1.1.1")}).Index != 2 {
				t.Error("the good route is not in force")
			}
		})
	}
}

func TestContradictionFails(t *testing.T) {
	for _, text := range []string{"link 1 a\nlink 1 b", "link 1 a\nlink 2 a"} {
		if tab, _, err := Compile(parseSnapshot(t, text)); tab != nil || !errors.Is(err, ErrAmbiguous) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestEqualAndRoutes(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 2))
	for range 200 {
		s := randomSnapshot(rng)
		s.Addrs = []Addr{{Index: 2, Prefix: netip.MustParsePrefix("10.0.0.1/24")}}
		a, b := mustCompile(t, s), mustCompile(t, s)
		if !a.EqualIfaces(b) || !a.EqualAddrs(b) || !a.EqualRoutes(b) || !a.EqualRules(b) || !a.EqualNeighs(b) {
			t.Fatalf("seed %d: the same snapshot is not equal to itself: %+v", seed, s)
		}
		round := s
		round.Routes = slices.Collect(a.Routes())
		if !mustCompile(t, round).EqualRoutes(a) || len(round.Routes) != a.Len() {
			t.Fatalf("seed %d: Routes does not give back what is in force: %+v", seed, s)
		}
		if len(s.Routes) == 0 {
			continue
		}
		s.Routes = slices.Clone(s.Routes)
		s.Routes[rng.IntN(len(s.Routes))].MTU++
		if mustCompile(t, s).EqualRoutes(a) {
			t.Fatalf("seed %d: a changed route went unnoticed", seed)
		}
	}
}

// TestSnapshotIsNotKept changes a snapshot after Compile.
func TestSnapshotIsNotKept(t *testing.T) {
	s := parseSnapshot(t, two+"route default via 10.0.0.1 dev m0\nrule 5 uidrange 0 0 lookup 254")
	tab := mustCompile(t, s)
	s.Routes[0].NextHops[0].Index, s.Ifaces[0].MTU, s.Rules[0].UID[0] = 3, 1, 9
	if r := tab.Lookup(Query{Dst: netip.MustParseAddr("9.9.9.9")}); r.Index != 2 || r.MTU != 1500 {
		t.Errorf("%+v", r)
	}
	if tab.Rules()[0].UID[0] != 0 {
		t.Error("the rule follows the snapshot")
	}
}

func TestNames(t *testing.T) {
	for got, want := range map[string]string{
		Throw.String(): "throw", Type(99).String(): "type 99", ActionProhibit.String(): "prohibit",
		VerdictLocal.String(): "local", ReasonLinkDown.String(): "link-down", OpDelete.String(): "delete",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
