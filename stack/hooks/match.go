package hooks

import (
	"net/netip"
	"sync/atomic"

	"github.com/ipvl/ipvl/stack/rules"
)

// state is one of rules.State, as a bit.
type state uint8

const (
	stateNew state = 1 << iota
	stateEstablished
	stateRelated
	stateInvalid
	// stateNone is of what is not tracked by its nature, as neighbour
	// discovery: no rule that asks for a state matches it.
	stateNone state = 0
)

// subject is what rules look at.
type subject struct {
	v6           bool
	proto        uint8
	state        state
	sport, dport uint16
	dev          string // the interface that it comes in or leaves by; "" another than the master
	bytes        int    // of the IP packet
	src, dst     netip.Addr
}

// counter is of one rule, and is handed on to the same rule of the next set.
type counter struct{ packets, bytes atomic.Uint64 }

// rule is a rules.Rule made ready.
type rule struct {
	rules.Rule
	family int
	states state
	count  *counter
}

func newRule(r rules.Rule, c *counter) rule {
	out := rule{Rule: r, count: c}
	out.family, _ = r.Family()
	for _, s := range r.Match.States {
		switch s {
		case rules.StateNew:
			out.states |= stateNew
		case rules.StateEstablished:
			out.states |= stateEstablished
		case rules.StateRelated:
			out.states |= stateRelated
		case rules.StateInvalid:
			out.states |= stateInvalid
		}
	}
	return out
}

func (r *rule) matches(s *subject) bool {
	m := &r.Match
	switch {
	case r.family != 0 && (r.family == 6) != s.v6,
		m.Proto != 0 && m.Proto != s.proto,
		len(m.States) != 0 && r.states&s.state == 0,
		m.Dev != "" && m.Dev != s.dev,
		m.Src.IsValid() && m.Src.Contains(s.src) == m.NotSrc,
		m.Dst.IsValid() && m.Dst.Contains(s.dst) == m.NotDst:
		return false
	}
	return m.SrcPorts.Contains(s.sport) && m.DstPorts.Contains(s.dport)
}

// chain is the rules of one chain.
type chain []rule

// first is the rule that decides on s, counted; nil: none does.
func (c chain) first(s *subject) *rule {
	for i := range c {
		if r := &c[i]; r.matches(s) {
			r.count.packets.Add(1)
			r.count.bytes.Add(uint64(s.bytes))
			return r
		}
	}
	return nil
}

// ruleset is a rules.Set made ready. It does not change but for its counters.
type ruleset struct {
	set                            rules.Set // without counters
	empty                          bool
	filterIn, filterOut            chain
	dropIn, dropOut                bool // the policies
	natPre, natIn, natOut, natPost chain
}

// newRuleset makes s ready. Rules that old has in the same chain keep their
// counters; the n-th of equals has the n-th's.
func newRuleset(s *rules.Set, old *ruleset) *ruleset {
	n := &ruleset{set: s.Clone(), empty: s.Empty()}
	n.dropIn = s.PolicyOf(rules.TableFilter, rules.ChainInput) == rules.KindDrop
	n.dropOut = s.PolicyOf(rules.TableFilter, rules.ChainOutput) == rules.KindDrop
	for _, t := range []rules.Table{rules.TableFilter, rules.TableNAT} {
		for _, c := range rules.Chains(t) {
			n.fill(t, c, old)
		}
	}
	return n
}

func (n *ruleset) fill(t rules.Table, c rules.Chain, old *ruleset) {
	var before chain
	if old != nil {
		before = *old.chain(t, c)
	}
	taken := make([]bool, len(before))
	for _, r := range n.set.Of(t)[c] {
		count := &counter{}
		count.packets.Store(r.Packets)
		count.bytes.Store(r.Bytes)
		for i := range before {
			if !taken[i] && before[i].Same(r) {
				taken[i], count = true, before[i].count
				break
			}
		}
		at := n.chain(t, c)
		*at = append(*at, newRule(r, count))
	}
}

func (n *ruleset) chain(t rules.Table, c rules.Chain) *chain {
	switch {
	case t == rules.TableFilter && c == rules.ChainInput:
		return &n.filterIn
	case t == rules.TableFilter:
		return &n.filterOut
	case c == rules.ChainPrerouting:
		return &n.natPre
	case c == rules.ChainInput:
		return &n.natIn
	case c == rules.ChainOutput:
		return &n.natOut
	}
	return &n.natPost
}

// snapshot is the set with the counters of now.
func (n *ruleset) snapshot() rules.Set {
	s := n.set.Clone()
	for _, t := range []rules.Table{rules.TableFilter, rules.TableNAT} {
		for c, rs := range s.Of(t) {
			from := *n.chain(t, c)
			for i := range rs {
				rs[i].Packets, rs[i].Bytes = from[i].count.packets.Load(), from[i].count.bytes.Load()
			}
		}
	}
	return s
}

// filtered reports whether the filter's chain drops s.
func filtered(c chain, policyDrops bool, s *subject) bool {
	if r := c.first(s); r != nil {
		return r.Action.Kind == rules.KindDrop
	}
	return policyDrops
}
