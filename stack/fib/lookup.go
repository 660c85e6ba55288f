package fib

// outcome is how one table, or all rules, answered.
type outcome uint8

const (
	miss     outcome = iota // nothing here: go on with the next rule
	hit                     // match has the route
	rejected                // a route or rule says no, for match.reason
)

// match is what was found, and on the way the interface that the look-up is
// bound to. It lives on the stack of a look-up.
type match struct {
	dev    *Iface // of Query.OIF, nil for none
	dst    uint32 // of Query.Dst, if that is IPv4
	leaf   *leaf
	entry  *entry
	hop    *NextHop
	table  uint32
	reason Reason
}

// Lookup answers q as fib_lookup and ip6_route_output would for a packet of
// the host's own: policy rules, then longest prefix, then the order of the
// entries there. An IPv4 q.OIF binds: only hops through it count. An IPv6
// q.OIF only prefers (T3-31), unless the address has link scope. It does not
// allocate.
func (t *Table) Lookup(q Query) (r Result) {
	t.lookup(&r, &q)
	return r
}

// lookup is Lookup, of which the compiler then makes a part of its caller: that
// spares copies of q and r. It may write to q.
func (t *Table) lookup(r *Result, q *Query) {
	var m match
	q.dropZones()
	if q.OIF != 0 {
		m.dev = t.ifaces.get(q.OIF)
	}
	switch family(q.Dst) {
	case 4:
		m.dst = key4(q.Dst)
		if t.walk(t.rules4, q, false, &m) == hit {
			t.fill(r, q, &m)
			return
		}
	case 6:
		if t.walk(t.rules6, q, strict6(q), &m) == hit {
			t.fill(r, q, &m)
			return
		}
	default:
		m.reason = ReasonBadDestination
	}
	r.Reason = m.reason
}

// walk goes through the rules (fib_rules_lookup). strict binds an IPv6
// look-up to q.OIF. Without a hit m.reason is set.
func (t *Table) walk(rules []rule, q *Query, strict bool, m *match) outcome {
	for i := 0; i < len(rules); i++ {
		r := &rules[i]
		if r.quick {
			if r.tab == nil {
				continue
			}
			if o := r.tab.find(q, strict, m); o != miss {
				return o
			}
			continue
		}
		vrf := t.vrf(m.dev)
		if !r.match(q, vrf) {
			continue
		}
		switch r.Action {
		case ActionTable:
			tab := r.tab
			if r.L3MDev {
				tab = t.tries[vrf]
			}
			if tab == nil {
				continue
			}
			switch o := tab.find(q, strict, m); {
			case o == rejected:
				return rejected
			case o == hit && !t.suppressed(r, m):
				return hit
			}
		case ActionGoto:
			if r.target > 0 {
				i = r.target - 1
			}
		case ActionBlackhole, ActionUnreachable, ActionProhibit:
			m.entry = nil // a throw route may have left one
			m.reason = ReasonBlackhole + Reason(r.Action-ActionBlackhole)
			return rejected
		}
	}
	m.reason = ReasonNoRoute
	return miss
}

// vrf is the table of the VRF that the interface is, or is a port of, 0 for
// none (l3mdev_fib_table).
func (t *Table) vrf(i *Iface) uint32 {
	if i != nil && i.Table == 0 && i.MasterIndex != 0 {
		i = t.ifaces.get(i.MasterIndex)
	}
	if i == nil {
		return 0
	}
	return i.Table
}

// suppressed reports whether the rule drops this result (fib4_rule_suppress).
func (t *Table) suppressed(r *rule, m *match) bool {
	if r.SuppressPrefixLen >= 0 && int(m.leaf.bits) <= r.SuppressPrefixLen {
		return true
	}
	if r.SuppressGroup < 0 || m.hop == nil {
		return false
	}
	i := t.ifaces.get(m.hop.Index)
	return i != nil && int(i.Group) == r.SuppressGroup
}

// find looks q up in one table: the longest prefix first, and shorter ones
// while no entry of the longer matches (fib_table_lookup, fib6_backtrack).
func (tr *trie) find(q *Query, strict bool, m *match) outcome {
	var l *leaf
	if q.Dst.Is4() {
		l = tr.longest4(m.dst)
	} else {
		l, _ = tr.bart.Lookup(q.Dst)
	}
	if l == nil {
		return miss
	}
	m.table = tr.id
	if e := l.plain; e != nil && (q.OIF == 0 || e.one[0].Index == q.OIF) {
		m.leaf, m.entry, m.hop = l, e, &e.one[0]
		return hit
	}
	return tr.findFrom(l, q, strict, m)
}

// findFrom is find once the longest prefix is known.
func (tr *trie) findFrom(l *leaf, q *Query, strict bool, m *match) outcome {
	for {
		m.leaf = l
		if o := l.choose(q, strict, m); o != miss || m.entry != nil || l.bits == 0 {
			return o
		}
		shorter, err := q.Dst.Prefix(int(l.bits) - 1)
		if err != nil {
			return miss
		}
		var ok bool
		if l, ok = tr.bart.LookupPrefix(shorter); !ok {
			return miss
		}
	}
}

// longest4 is what is at the longest prefix that holds a; nil if there is none.
func (tr *trie) longest4(a uint32) *leaf {
	if tr.index == nil {
		return nil
	}
	s := tr.index.find(a)
	if s == ask {
		l, _ := tr.bart.Lookup(addr4(a))
		return l
	}
	return tr.index.leaves[s]
}

// choose finds the entry of l that takes q. A miss with m.entry set is a
// throw route: the search in this table is over.
func (l *leaf) choose(q *Query, strict bool, m *match) outcome {
	m.entry = nil
	if q.Dst.Is4() {
		return l.choose4(q, m)
	}
	return l.choose6(q, strict, m)
}

// reject is what an entry without next hops does.
func (e *entry) reject(m *match) outcome {
	m.entry, m.hop = e, nil
	if e.typ == Throw {
		return miss
	}
	m.reason = ReasonBlackhole + Reason(e.typ-Blackhole)
	return rejected
}

// fill makes the answer of a hit.
func (t *Table) fill(r *Result, q *Query, m *match) {
	e, hop, dev := m.entry, m.hop, m.dev
	if dev == nil || dev.Index != hop.Index {
		dev = t.ifaces.get(hop.Index)
	}
	r.Type, r.PrefixLen, r.Index, r.Table = e.typ, m.leaf.bits, hop.Index, m.table
	r.MTU, r.PrefSrc = e.mtu, e.prefSrc
	if dev != nil && (r.MTU == 0 || dev.MTU < r.MTU) {
		r.MTU = dev.MTU
	}
	switch {
	case e.typ == Unicast:
		r.Verdict, r.NextHop = VerdictForward, hop.Via
		if !hop.Via.IsValid() {
			r.NextHop = q.Dst
		}
	case e.typ == Local, e.typ == Anycast && !q.Dst.Is4():
		r.Verdict = VerdictLocal
	default:
		r.Reason = ReasonBroadcast
	}
}
