package fib

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/gaissmai/bart"
)

// Op is what a Change does.
type Op uint8

const (
	OpAdd     Op = iota // add Route after its equals
	OpReplace           // put Route in the place of the first with its table, prefixes, TOS and metric; without one, add it
	OpDelete            // remove Route; flags of its hops do not matter
)

// Change is one change of one route.
type Change struct {
	Op    Op
	Route Route
}

// Apply makes the changes, in their order, on a copy of t that shares
// everything they do not touch; t and its readers are undisturbed. A change
// that cannot be made is counted in LeftOut.Routes. If nothing changed, it
// returns t itself.
func (t *Table) Apply(changes []Change) (*Table, LeftOut) {
	out, changed := LeftOut{}, false
	next := *t
	next.tries = maps.Clone(t.tries)
	for i := range changes {
		c := &changes[i]
		did, err := next.apply(c)
		if err != nil {
			out.note(&out.Routes, "route", c.Op.String()+" "+entryName(&c.Route), err)
		}
		changed = changed || did
	}
	if !changed {
		return t, out
	}
	next.linkRules()
	return &next, out
}

// apply makes one change in t.tries, which is t's own; the tries in it are
// not. It reports whether it did.
func (t *Table) apply(c *Change) (bool, error) {
	r := &c.Route
	if err := t.checkChange(c); err != nil {
		return false, err
	}
	tr := t.tries[r.Table]
	if tr == nil {
		tr = &trie{id: r.Table, bart: new(bart.Table[*leaf])}
	}
	if t.pool == nil {
		t.pool = newPool()
	}
	old, _ := tr.bart.Get(r.Dst)
	l, err := old.edit(t.pool, c)
	if err != nil || l == old {
		return false, err
	}
	tr = tr.persist(t.pool, r.Dst, l)
	if t.tries == nil {
		t.tries = make(map[uint32]*trie)
	}
	if t.tries[r.Table] = tr; tr.bart.Size() == 0 {
		delete(t.tries, r.Table)
	}
	t.n += l.len() - old.len()
	return true, nil
}

// checkChange lets a route be deleted whose interface is gone already.
func (t *Table) checkChange(c *Change) error {
	fam := family(c.Route.Dst.Addr())
	switch {
	case c.Op > OpDelete:
		return ErrType
	case c.Op != OpDelete:
		return cmp.Or(checkRoute(&c.Route), t.checkIfaces(&c.Route))
	case fam == 0 || !goodPrefix(c.Route.Dst, fam):
		return ErrPrefix
	}
	return nil
}

// checkIfaces says whether t lacks an interface that r needs.
func (t *Table) checkIfaces(r *Route) error {
	if h := t.stranger(r.Type, r.NextHops); h != nil {
		return fmt.Errorf("%w: index %d", ErrInterface, h.Index)
	}
	return nil
}

// stranger is the first of the hops through an interface that t does not have;
// nil if there is none. What rejects does not use its hops.
func (t *Table) stranger(typ Type, hops []NextHop) *NextHop {
	for i := range hops {
		if !typ.isReject() && t.ifaces.get(hops[i].Index) == nil {
			return &hops[i]
		}
	}
	return nil
}

// persist is a copy of tr with l at dst; no leaf, no prefix.
func (tr *trie) persist(p *pool, dst netip.Prefix, l *leaf) *trie {
	next := *tr
	if l == nil {
		next.bart = tr.bart.DeletePersist(dst)
	} else {
		next.bart = tr.bart.InsertPersist(dst, l)
	}
	if dst.Addr().Is4() {
		next.index = tr.index.redraw(&change{tab: next.bart, leaves: p.known(), a: key4(dst.Addr()), bits: dst.Bits()})
	}
	return &next
}

// len is the number of entries; a nil leaf has none.
func (l *leaf) len() int {
	if l == nil {
		return 0
	}
	return len(l.entries)
}

// edit is l after the change: l itself if nothing changes, nil if nothing is
// left. l may be nil.
func (l *leaf) edit(p *pool, c *Change) (*leaf, error) {
	if c.Op == OpDelete {
		return l.without(p, newEntry(&c.Route))
	}
	e := p.entry(&c.Route)
	if i := l.index(e.sameKey); i >= 0 && c.Op == OpReplace {
		return l.swap(p, i, e)
	}
	next := l.with(p, c.Route.Dst.Bits(), e)
	if next == nil {
		return l, ErrDuplicate
	}
	return next, nil
}

// index is the first entry that is, -1 for none.
func (l *leaf) index(is func(*entry) bool) int {
	if l == nil {
		return -1
	}
	return slices.IndexFunc(l.entries, is)
}

// swap puts e in the place of the i-th entry (fib_table_insert with
// NLM_F_REPLACE).
func (l *leaf) swap(p *pool, i int, e *entry) (*leaf, error) {
	switch l.index(e.equal) {
	case i:
		return l, nil
	case -1:
	default:
		return l, ErrDuplicate
	}
	entries := slices.Clone(l.entries)
	entries[i] = e
	return p.leaf(l.bits, entries), nil
}

func (l *leaf) without(p *pool, e *entry) (*leaf, error) {
	i := l.index(e.sameRoute)
	switch {
	case i < 0:
		return l, ErrAbsent
	case len(l.entries) == 1:
		return nil, nil
	}
	return p.leaf(l.bits, slices.Concat(l.entries[:i], l.entries[i+1:])), nil
}
