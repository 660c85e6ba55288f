package fib

import (
	"fmt"
	"net/netip"

	"github.com/gaissmai/bart"
)

// RouteSet takes the routes of a Snapshot one by one and keeps only what a
// Table needs of them, so that a table of a million is never held as values.
// The zero value is empty. It belongs to one goroutine.
type RouteSet struct {
	tries  map[uint32]*trie
	pool   *pool
	ifaces map[int]bool // that hops go through
	n      int
	out    LeftOut
}

// Len is the number of routes taken.
func (s *RouteSet) Len() int { return s.n }

// Add takes r after all that came before. What is wrong with it, but for its
// interfaces, is noted here and counted by Compile. r is not kept.
func (s *RouteSet) Add(r *Route) {
	if err := checkRoute(r); err != nil {
		s.out.note(&s.out.Routes, "route", entryName(r), err)
		return
	}
	tr, e, there := s.trie(r.Table), s.pool.entry(r), false
	tr.bart.Modify(r.Dst, func(old *leaf, _ bool) (*leaf, bool) {
		l := old.with(s.pool, r.Dst.Bits(), e)
		if there = l == nil; there {
			return old, false
		}
		return l, false
	})
	if there {
		s.out.note(&s.out.Routes, "route", entryName(r), ErrDuplicate)
		return
	}
	for i := range r.NextHops {
		if r.Type.isReject() {
			break
		}
		if index := r.NextHops[i].Index; !s.ifaces[index] {
			s.ifaces[index] = true
		}
	}
	s.n++
}

// trie is the table with that id.
func (s *RouteSet) trie(id uint32) *trie {
	if s.pool == nil {
		s.pool, s.tries, s.ifaces = newPool(), make(map[uint32]*trie), make(map[int]bool)
	}
	tr := s.tries[id]
	if tr == nil {
		tr = &trie{id: id, bart: new(bart.Table[*leaf])}
		s.tries[id] = tr
	}
	return tr
}

// give hands what s holds to t and empties s.
func (s *RouteSet) give(t *Table, out *LeftOut) {
	s.dropStrangers(t)
	for _, tr := range s.tries {
		tr.index = newIndex4(tr.bart, s.pool.known())
	}
	t.tries, t.pool, t.n = s.tries, s.pool, s.n
	if t.tries == nil {
		t.tries, t.pool = make(map[uint32]*trie), newPool()
	}
	if out.Routes += s.out.Routes; out.First == nil {
		out.First = s.out.First
	}
	*s = RouteSet{}
}

// dropStrangers leaves out the routes through interfaces that t does not have.
func (s *RouteSet) dropStrangers(t *Table) {
	known := true
	for index := range s.ifaces {
		known = known && t.ifaces.get(index) != nil
	}
	if known {
		return
	}
	for id, tr := range s.tries {
		for dst, l := range tr.bart.Clone().All() {
			s.dropFrom(t, tr, dst, l)
		}
		if tr.bart.Size() == 0 {
			delete(s.tries, id)
		}
	}
}

// dropFrom leaves out those of one prefix.
func (s *RouteSet) dropFrom(t *Table, tr *trie, dst netip.Prefix, l *leaf) {
	var keep []*entry
	for _, e := range l.entries {
		h := t.stranger(e.typ, e.hops)
		if h == nil {
			keep = append(keep, e)
			continue
		}
		s.n--
		s.out.note(&s.out.Routes, "route", entryName(&Route{Dst: dst, Table: tr.id}), fmt.Errorf("%w: index %d", ErrInterface, h.Index))
	}
	switch len(keep) {
	case len(l.entries):
	case 0:
		tr.bart.Delete(dst)
	default:
		tr.bart.Insert(dst, s.pool.leaf(l.bits, keep))
	}
}
