package fib

import "net/netip"

// rule is a Rule with its names resolved, so that a look-up only compares
// numbers and follows pointers.
type rule struct {
	quick bool  // matches every packet, and what tab answers is the answer: nothing else needs to be read
	all   bool  // matches every packet
	never bool  // can match none: before inversion
	oif   int   // 0: any
	tos   uint8 // without the ECN bits
	tab   *trie // where ActionTable looks; nil: the table is empty
	*Rule
	target int // where ActionGoto goes on; 0: nowhere, the rule does nothing
}

// ecnBits are the bits of a TOS that no rule or route looks at.
const ecnBits = 3

// defaultRules4 and defaultRules6 are what the kernel starts with
// (fib_default_rules_init, fib6_rules_net_init).
func defaultRules4() []Rule {
	return []Rule{tableRule(4, 0, TableLocal), tableRule(4, 32766, TableMain), tableRule(4, 32767, TableDefault)}
}

func defaultRules6() []Rule {
	return []Rule{tableRule(6, 0, TableLocal), tableRule(6, 32766, TableMain)}
}

func tableRule(fam int, priority, table uint32) Rule {
	return Rule{Family: fam, Priority: priority, Table: table, SuppressPrefixLen: -1, SuppressGroup: -1}
}

// linkRules makes rules4 and rules6 of given, tries and names.
func (t *Table) linkRules() {
	t.rules4, t.rules6 = nil, nil
	for i := range t.given {
		t.linkRule(&t.given[i])
	}
	if t.rules4 == nil {
		for _, r := range defaultRules4() {
			t.linkRule(&r)
		}
	}
	if t.rules6 == nil {
		for _, r := range defaultRules6() {
			t.linkRule(&r)
		}
	}
	linkGotos(t.rules4)
	linkGotos(t.rules6)
}

func (t *Table) linkRule(in *Rule) {
	r := rule{Rule: in, tos: in.TOS &^ ecnBits, tab: t.tries[in.Table]}
	if in.OIF != "" {
		// A name without an interface is a detached rule: index -1 there.
		index, ok := t.names[in.OIF]
		r.oif, r.never = index, !ok
	}
	// Output look-ups have the loopback interface as input (T3-20).
	r.never = r.never || in.IIF != "" && in.IIF != "lo"
	r.never = r.never || in.UID != nil && in.UID[0] > 0
	// No look-up of ipvlan's knows the ports.
	r.never = r.never || in.SrcPort != [2]uint16{} || in.DstPort != [2]uint16{}
	r.all = !r.never && !in.Invert && r.oif == 0 && r.tos == 0 && in.Mark == 0 && in.MarkMask == 0 && in.IPProto == 0 &&
		in.Src.Bits() <= 0 && in.Dst.Bits() <= 0 && !in.L3MDev
	r.quick = r.all && in.Action == ActionTable && in.SuppressPrefixLen < 0 && in.SuppressGroup < 0
	if in.Family == 4 {
		t.rules4 = append(t.rules4, r)
	} else {
		t.rules6 = append(t.rules6, r)
	}
}

// linkGotos resolves the jumps, which only go forward (fib_nl_newrule).
func linkGotos(rules []rule) {
	for i := range rules {
		if rules[i].Action != ActionGoto {
			continue
		}
		for j := i + 1; j < len(rules); j++ {
			if rules[j].Priority == rules[i].Goto {
				rules[i].target = j
				break
			}
		}
	}
}

// match is fib_rule_match. vrf is the table of the VRF that the bound
// interface belongs to, 0 for none.
func (r *rule) match(q *Query, vrf uint32) bool {
	if r.all {
		return true
	}
	return r.matchFields(q, vrf) != r.Invert
}

func (r *rule) matchFields(q *Query, vrf uint32) bool {
	switch {
	case r.never, r.oif != 0 && r.oif != q.OIF, (q.Mark^r.Mark)&r.mask() != 0:
		return false
	case r.L3MDev && vrf == 0, r.tos != 0 && r.tos != q.TOS&^ecnBits, r.IPProto != 0 && r.IPProto != q.Proto:
		return false
	}
	return matchPrefix(r.Src, q.Src) && matchPrefix(r.Dst, q.Dst)
}

// mask is the mark's mask: a mark without a mask is compared whole.
func (r *rule) mask() uint32 {
	if r.MarkMask == 0 && r.Mark != 0 {
		return ^uint32(0)
	}
	return r.MarkMask
}

func matchPrefix(p netip.Prefix, a netip.Addr) bool { return p.Bits() <= 0 || p.Contains(a) }

// sameRule compares everything.
func sameRule(a, b Rule) bool {
	if (a.UID == nil) != (b.UID == nil) || a.UID != nil && *a.UID != *b.UID {
		return false
	}
	a.UID, b.UID = nil, nil
	return a == b
}
