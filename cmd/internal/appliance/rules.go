package appliance

import (
	"context"
	"slices"

	"github.com/ipvl/ipvl/cmd/internal/api"
	"github.com/ipvl/ipvl/stack/rules"
	"golang.org/x/sys/unix"
)

// RuleShow implements api.Backend. Counters are those of all masters together.
func (a *Appliance) RuleShow(_ context.Context, _ api.Caller, r api.RuleShow) ([]api.RuleChain, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := a.rules.Clone()
	for _, m := range a.masters {
		if m.hooks != nil {
			addCounters(&all, m.hooks.Snapshot())
		}
	}
	var out []api.RuleChain
	for _, chain := range rules.Chains(r.Table) {
		if r.Chain != "" && r.Chain != chain {
			continue
		}
		c := api.RuleChain{Table: r.Table, Chain: chain, Rules: all.Of(r.Table)[chain]}
		if r.Table == rules.TableFilter {
			c.Policy = all.PolicyOf(r.Table, chain)
		}
		out = append(out, c)
	}
	if out == nil {
		return nil, refuse("rule show", unix.ENOENT, "table %q has no chain %q", r.Table, r.Chain)
	}
	return out, nil
}

// RuleChange implements api.Backend. The rules of all masters change, or none.
func (a *Appliance) RuleChange(_ context.Context, _ api.Caller, r api.RuleChange) error {
	const op = "rule change"
	defer a.save()
	a.mu.Lock()
	defer a.mu.Unlock()
	next := withTables(a.rules)
	if err := edit(op, &next, r); err != nil {
		return err
	}
	if err := next.Check(); err != nil {
		return refuse(op, unix.EINVAL, "%v", err)
	}
	var done []*master
	for _, m := range a.masters {
		if err := a.fitHooks(m, m.link.Mode(), &next); err != nil {
			for _, back := range done {
				a.attemptRules(back)
			}
			return refuse(op, unix.EINVAL, "%v", err)
		}
		done = append(done, m)
	}
	a.rules = next
	for _, m := range a.masters {
		m.stale = true
		a.refresh(m)
	}
	a.changed()
	return nil
}

// attemptRules gives a master the rules in force again.
//
// +checklocks:a.mu
func (a *Appliance) attemptRules(m *master) {
	if err := a.fitHooks(m, m.link.Mode(), &a.rules); err != nil {
		a.log.Error("the rules do not match what is shown", "master", m.name, "error", err)
	}
}

// edit makes one change to s.
func edit(op string, s *rules.Set, r api.RuleChange) error {
	if !slices.Contains(rules.Chains(r.Table), r.Chain) && (r.Op != api.RuleFlush || r.Chain != "") {
		return refuse(op, unix.ENOENT, "table %q has no chain %q", r.Table, r.Chain)
	}
	chains := s.Of(r.Table)
	list := chains[r.Chain]
	r.Rule.Packets, r.Rule.Bytes = 0, 0
	plain := r.Rule
	plain.Match.Family = 0
	if f, ok := plain.Family(); ok && f == r.Rule.Match.Family {
		r.Rule = plain // it goes without saying, and has to be found without
	}
	switch r.Op {
	case api.RuleAdd:
		list = append(list, r.Rule)
	case api.RuleInsert:
		at := max(r.Index, 1)
		if at > len(list)+1 {
			return refuse(op, unix.ENOENT, "%s has %d rules: there is no place %d", r.Chain, len(list), at)
		}
		list = slices.Insert(list, at-1, r.Rule)
	case api.RuleDelete:
		at := r.Index - 1
		if r.Index == 0 {
			at = slices.IndexFunc(list, r.Rule.Same)
		}
		if at < 0 || at >= len(list) {
			return refuse(op, unix.ENOENT, "%s has no such rule: see \"ipvl %s show\"", r.Chain, r.Table)
		}
		list = slices.Delete(list, at, at+1)
	case api.RuleFlush:
		if r.Chain == "" {
			clear(chains)
			return nil
		}
		list = nil
	case api.RulePolicy:
		if r.Table != rules.TableFilter || r.Policy != rules.KindAccept && r.Policy != rules.KindDrop {
			return refuse(op, unix.EINVAL, "a policy is accept or drop, of a chain of the filter table")
		}
		s.Policy[r.Chain] = r.Policy
		return nil
	default:
		return refuse(op, unix.EINVAL, "unknown operation %q", r.Op)
	}
	chains[r.Chain] = list
	return nil
}

// withTables is a copy of s that has all maps.
func withTables(s rules.Set) rules.Set {
	s = s.Clone()
	if s.Filter == nil {
		s.Filter = make(map[rules.Chain][]rules.Rule)
	}
	if s.NAT == nil {
		s.NAT = make(map[rules.Chain][]rules.Rule)
	}
	if s.Policy == nil {
		s.Policy = make(map[rules.Chain]string)
	}
	return s
}

// addCounters adds what equal rules at the same place counted.
func addCounters(to *rules.Set, from rules.Set) {
	for _, t := range []rules.Table{rules.TableFilter, rules.TableNAT} {
		mine, theirs := to.Of(t), from.Of(t)
		for c, list := range mine {
			for i := range list {
				if i < len(theirs[c]) && list[i].Same(theirs[c][i]) {
					list[i].Packets += theirs[c][i].Packets
					list[i].Bytes += theirs[c][i].Bytes
				}
			}
		}
	}
}
