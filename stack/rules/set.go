package rules

import (
	"maps"
	"net/netip"
	"slices"
)

// Chains lists the chains of t in the order in which packets meet them, none
// for an unknown table. The slice is the caller's.
func Chains(t Table) []Chain {
	switch t {
	case TableFilter:
		return []Chain{ChainInput, ChainOutput}
	case TableNAT:
		return []Chain{ChainPrerouting, ChainInput, ChainOutput, ChainPostrouting}
	}
	return nil
}

// Of is the rules of the table, nil for an unknown one or none.
func (s *Set) Of(t Table) map[Chain][]Rule {
	switch t {
	case TableFilter:
		return s.Filter
	case TableNAT:
		return s.NAT
	}
	return nil
}

// PolicyOf is what becomes of a packet that no rule of the chain matched:
// KindAccept or KindDrop.
func (s *Set) PolicyOf(t Table, c Chain) string {
	if p := s.Policy[c]; t == TableFilter && p != "" {
		return p
	}
	return KindAccept
}

// Empty reports whether s accepts everything because it holds no rule and no
// policy but accept.
func (s *Set) Empty() bool {
	for _, t := range []Table{TableFilter, TableNAT} {
		for c, rs := range s.Of(t) {
			if len(rs) != 0 || s.PolicyOf(t, c) != KindAccept {
				return false
			}
		}
	}
	for _, p := range s.Policy {
		if p != "" && p != KindAccept {
			return false
		}
	}
	return true
}

// Clone is a copy that shares nothing with s.
func (s *Set) Clone() Set {
	return Set{Filter: cloneTable(s.Filter), NAT: cloneTable(s.NAT), Policy: maps.Clone(s.Policy)}
}

func cloneTable(t map[Chain][]Rule) map[Chain][]Rule {
	if t == nil {
		return nil
	}
	out := make(map[Chain][]Rule, len(t))
	for c, rs := range t {
		rs = slices.Clone(rs)
		for i := range rs {
			rs[i].Match.States = slices.Clone(rs[i].Match.States)
		}
		out[c] = rs
	}
	return out
}

// Same reports whether r and o are the same rule, whatever their counters say.
// The order of states, and bits of a prefix behind its length, do not matter.
func (r Rule) Same(o Rule) bool {
	a, b := r.Match, o.Match
	return a.Dev == b.Dev && a.Src.Masked() == b.Src.Masked() && a.Dst.Masked() == b.Dst.Masked() &&
		a.NotSrc == b.NotSrc && a.NotDst == b.NotDst && a.Proto == b.Proto &&
		a.SrcPorts == b.SrcPorts && a.DstPorts == b.DstPorts && a.Family == b.Family &&
		sameStates(a.States, b.States) && r.Action == o.Action
}

func sameStates(a, b []State) bool {
	if len(a) != len(b) {
		return false
	}
	for _, s := range a {
		if !slices.Contains(b, s) {
			return false
		}
	}
	return true
}

// Family is the one family that r is for, 4 or 6, or 0 for both. The second
// value is false if r says two.
func (r Rule) Family() (int, bool) {
	out := r.Match.Family
	for _, f := range []int{
		familyOf(r.Match.Src.Addr()), familyOf(r.Match.Dst.Addr()), familyOfProto(r.Match.Proto), familyOf(r.Action.Addr),
	} {
		switch {
		case f == 0 || f == out:
		case out == 0:
			out = f
		default:
			return out, false
		}
	}
	return out, true
}

func familyOf(a netip.Addr) int {
	switch {
	case a.Is4():
		return 4
	case a.Is6():
		return 6
	}
	return 0
}

func familyOfProto(p uint8) int {
	switch p {
	case ProtoICMP:
		return 4
	case ProtoICMPv6:
		return 6
	}
	return 0
}
