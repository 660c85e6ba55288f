package fib

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"

	"github.com/gaissmai/bart"
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
// interfaces with one index or one name (*Error). s is not kept.
func Compile(s Snapshot) (*Table, LeftOut, error) {
	t, out := &Table{tries: make(map[uint32]*trie)}, LeftOut{}
	if err := t.compileIfaces(s.Ifaces); err != nil {
		return nil, out, err
	}
	t.compileAddrs(s.Addrs, &out)
	t.compileNeighs(s.Neighs, &out)
	t.compileRoutes(s.Routes, &out)
	t.compileRules(s.Rules, &out)
	return t, out, nil
}

func (t *Table) compileIfaces(in []Iface) error {
	t.ifaces, t.names = make(map[int]*Iface, len(in)), make(map[string]int, len(in))
	for _, i := range in {
		_, named := t.names[i.Name]
		if t.ifaces[i.Index] != nil || named && i.Name != "" {
			return &Error{Op: "interface", Entry: fmt.Sprintf("%d: %s", i.Index, i.Name), Err: ErrAmbiguous}
		}
		t.ifaces[i.Index], t.names[i.Name] = &i, i.Index
	}
	return nil
}

func (t *Table) compileAddrs(in []Addr, out *LeftOut) {
	t.by, t.host = make(map[int][]Addr), make(map[netip.Addr]int, len(in))
	for _, a := range in {
		switch {
		case t.ifaces[a.Index] == nil:
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
		case t.ifaces[n.Index] == nil:
			out.note(&out.Neighs, "neighbour", n.Dst.String(), ErrInterface)
		case family(n.Dst) == 0:
			out.note(&out.Neighs, "neighbour", n.Dst.String(), ErrAddress)
		default:
			t.neighs = append(t.neighs, n)
		}
	}
}

func (t *Table) compileRoutes(in []Route, out *LeftOut) {
	c := interner{entries: make(map[string]*entry), leaves: make(map[leafKey]*leaf)}
	for i := range in {
		r := &in[i]
		if err := t.checkRoute(r); err != nil {
			out.note(&out.Routes, "route", entryName(r), err)
			continue
		}
		tr := t.tries[r.Table]
		if tr == nil {
			tr = &trie{id: r.Table, bart: new(bart.Table[*leaf])}
			t.tries[r.Table] = tr
		}
		e, bits, there := c.entry(r), r.Dst.Bits(), false
		tr.bart.Modify(r.Dst, func(old *leaf, ok bool) (*leaf, bool) {
			if !ok {
				return c.leaf(bits, e), false
			}
			l := old.with(bits, e)
			if there = l == nil; there {
				return old, false
			}
			return l, false
		})
		if there {
			out.note(&out.Routes, "route", entryName(r), ErrDuplicate)
			continue
		}
		t.n++
	}
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

// interner finds equal entries and leaves while one snapshot is compiled: a
// full table has a million prefixes and a few dozen ways out.
type interner struct {
	entries map[string]*entry
	leaves  map[leafKey]*leaf
	buf     []byte
}

type leafKey struct {
	e    *entry
	bits int
}

func (c *interner) leaf(bits int, e *entry) *leaf {
	k := leafKey{e, bits}
	l := c.leaves[k]
	if l == nil {
		l = &leaf{bits: uint8(bits), entries: []*entry{e}}
		c.leaves[k] = l
	}
	return l
}

// entry is the one entry equal to r.
func (c *interner) entry(r *Route) *entry {
	b := append(c.buf[:0], byte(r.Type), r.TOS, r.Protocol, r.Scope, r.Pref)
	b = binary.NativeEndian.AppendUint32(b, r.Metric)
	b = binary.NativeEndian.AppendUint32(b, r.MTU)
	b = appendAddr(b, r.PrefSrc)
	src := r.source()
	b = append(appendAddr(b, src.Addr()), byte(src.Bits()))
	for i := range r.NextHops {
		h := &r.NextHops[i]
		b = binary.NativeEndian.AppendUint64(b, uint64(h.Index))
		b = binary.NativeEndian.AppendUint64(b, uint64(h.Weight))
		b = append(appendAddr(b, h.Via), bit(h.OnLink), bit(h.Dead), bit(h.LinkDown))
	}
	c.buf = b
	e := c.entries[string(b)]
	if e == nil {
		e = newEntry(r)
		c.entries[string(b)] = e
	}
	return e
}

// appendAddr appends a so that different addresses end up different.
func appendAddr(b []byte, a netip.Addr) []byte {
	b = append(b, byte(family(a)))
	if a.Is4() {
		v := a.As4()
		return append(b, v[:]...)
	}
	v := a.As16()
	return append(b, v[:]...)
}

func bit(v bool) byte {
	if v {
		return 1
	}
	return 0
}
