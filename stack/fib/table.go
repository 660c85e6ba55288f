package fib

import (
	"iter"
	"maps"
	"net/netip"
	"slices"

	"github.com/gaissmai/bart"
)

// Table is a Snapshot made ready for look-ups. It never changes; Apply makes
// another one that shares what is the same. Its methods may be called by any
// number of goroutines. The zero value holds nothing.
type Table struct {
	ifaces ifaces
	names  map[string]int     // interface name to index
	tries  map[uint32]*trie   // by table id; none of them is empty
	pool   *pool              // of what is in tries; nil: there is nothing
	rules4 []rule             // IPv4, in priority order
	rules6 []rule             // IPv6, in priority order
	given  []Rule             // what rules4 and rules6 were made of
	addrs  []Addr             // in the order of the snapshot
	neighs []Neigh            // in the order of the snapshot
	by     map[int][]Addr     // addrs by interface
	host   map[netip.Addr]int // the host's addresses, to their interface
	n      int                // routes
}

// trie is one routing table, both families.
type trie struct {
	id    uint32
	bart  *bart.Table[*leaf]
	index *index4 // of what is IPv4 in bart; nil: nothing is
}

// Len is the number of routes in force.
func (t *Table) Len() int { return t.n }

// Iface is the interface with that index. The second value is false if there
// is none.
func (t *Table) Iface(index int) (Iface, bool) {
	i := t.ifaces.get(index)
	if i == nil {
		return Iface{}, false
	}
	return *i, true
}

// Addrs are the addresses of the interface, in the order of the snapshot. The
// slice is the caller's.
func (t *Table) Addrs(index int) []Addr { return slices.Clone(t.by[index]) }

// Neighs are the binding neighbours of the interface. The slice is the
// caller's.
func (t *Table) Neighs(index int) []Neigh {
	var out []Neigh
	for _, n := range t.neighs {
		if n.Index == index {
			out = append(out, n)
		}
	}
	return out
}

// Rules are the rules in force that the snapshot gave, in priority order;
// none for a family means the kernel's default rules. The slice is the
// caller's.
func (t *Table) Rules() []Rule { return slices.Clone(t.given) }

// Routes yields every route: by table, then prefix, then preference.
func (t *Table) Routes() iter.Seq[Route] {
	return func(yield func(Route) bool) {
		for _, id := range slices.Sorted(maps.Keys(t.tries)) {
			for dst, l := range t.tries[id].bart.AllSorted() {
				for _, e := range l.entries {
					if !yield(e.route(id, dst)) {
						return
					}
				}
			}
		}
	}
}

// EqualIfaces reports whether t and o have the same interfaces.
func (t *Table) EqualIfaces(o *Table) bool {
	return t.ifaces.equal(o.ifaces)
}

// EqualAddrs reports whether t and o have the same addresses in the same order.
func (t *Table) EqualAddrs(o *Table) bool { return slices.Equal(t.addrs, o.addrs) }

// EqualNeighs reports whether t and o have the same binding neighbours.
func (t *Table) EqualNeighs(o *Table) bool { return slices.Equal(t.neighs, o.neighs) }

// EqualRules reports whether t and o have the same rules.
func (t *Table) EqualRules(o *Table) bool { return slices.EqualFunc(t.given, o.given, sameRule) }

// EqualRoutes reports whether t and o have the same routes, equal ones in the
// same order.
func (t *Table) EqualRoutes(o *Table) bool {
	return t.n == o.n && maps.EqualFunc(t.tries, o.tries, func(a, b *trie) bool { return a == b || a.bart.Equal(b.bart) })
}
