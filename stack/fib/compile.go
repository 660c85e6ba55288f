package fib

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
)

// LeftOut counts the entries of a Snapshot that could not be used.
type LeftOut struct {
	Routes, Rules, Addrs, Neighs int
	// First describes one of them (*Error); nil if there is none.
	First error
}

// Total is the number of entries left out.
func (l LeftOut) Total() int { return l.Routes + l.Rules + l.Addrs + l.Neighs }

// Compile makes a Table of s. Entries that cannot be used (an invalid prefix,
// a hop through an interface that s does not have, a second copy) are counted
// and left out; the rest is in force. Only a contradiction makes it fail: two
// interfaces with one index or one name (*Error); s.Set is as it was then. s is
// not kept, but for what s.Set held.
func Compile(s Snapshot) (*Table, LeftOut, error) {
	t, out := new(Table), LeftOut{}
	if err := t.compileIfaces(s.Ifaces); err != nil {
		return nil, out, err
	}
	t.compileAddrs(s.Addrs, &out)
	t.compileNeighs(s.Neighs, &out)
	t.compileRoutes(&s, &out)
	t.compileRules(s.Rules, &out)
	return t, out, nil
}

func (t *Table) compileIfaces(in []Iface) error {
	t.ifaces, t.names = newIfaces(len(in)), make(map[string]int, len(in))
	for _, i := range in {
		_, named := t.names[i.Name]
		if t.ifaces.get(i.Index) != nil || named && i.Name != "" {
			return &Error{Op: "interface", Entry: fmt.Sprintf("%d: %s", i.Index, i.Name), Err: ErrAmbiguous}
		}
		t.ifaces.add(&i)
		t.names[i.Name] = i.Index
	}
	return nil
}

func (t *Table) compileAddrs(in []Addr, out *LeftOut) {
	t.by, t.host = make(map[int][]Addr), make(map[netip.Addr]int, len(in))
	for _, a := range in {
		switch {
		case t.ifaces.get(a.Index) == nil:
			out.note(&out.Addrs, "address", a.Prefix.String(), ErrInterface)
			continue
		case !a.Prefix.IsValid() || family(a.Prefix.Addr()) == 0 || !goodVia(a.Peer):
			out.note(&out.Addrs, "address", a.Prefix.String(), ErrAddress)
			continue
		}
		t.addrs = append(t.addrs, a)
		t.by[a.Index] = append(t.by[a.Index], a)
		if _, there := t.host[a.Prefix.Addr()]; !there && !a.Tentative {
			t.host[a.Prefix.Addr()] = a.Index
		}
	}
}

func (t *Table) compileNeighs(in []Neigh, out *LeftOut) {
	for _, n := range in {
		switch {
		case t.ifaces.get(n.Index) == nil:
			out.note(&out.Neighs, "neighbour", n.Dst.String(), ErrInterface)
		case family(n.Dst) == 0:
			out.note(&out.Neighs, "neighbour", n.Dst.String(), ErrAddress)
		default:
			t.neighs = append(t.neighs, n)
		}
	}
}

// compileRoutes takes the routes of the set, then the others.
func (t *Table) compileRoutes(s *Snapshot, out *LeftOut) {
	set := s.Set
	if set == nil {
		set = new(RouteSet)
	}
	for i := range s.Routes {
		set.Add(&s.Routes[i])
	}
	set.give(t, out)
}

func (t *Table) compileRules(in []Rule, out *LeftOut) {
	for i := range in {
		if err := checkRule(&in[i]); err != nil {
			out.note(&out.Rules, "rule", fmt.Sprint(in[i].Priority), err)
			continue
		}
		r := in[i]
		if r.UID != nil {
			uid := *r.UID
			r.UID = &uid
		}
		t.given = append(t.given, r)
	}
	slices.SortStableFunc(t.given, func(a, b Rule) int { return cmp.Compare(a.Priority, b.Priority) })
	t.linkRules()
}
