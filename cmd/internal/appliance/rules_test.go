package appliance

import (
	"errors"
	"net/netip"
	"reflect"
	"testing"

	"github.com/ipvl/ipvl/cmd/internal/api"
	"github.com/ipvl/ipvl/stack/rules"
	"golang.org/x/sys/unix"
)

func proto(p uint8) rules.Rule {
	return rules.Rule{Match: rules.Match{Proto: p}, Action: rules.Action{Kind: rules.KindDrop}}
}

func TestEdit(t *testing.T) {
	in := func(op api.RuleOp, index int, r rules.Rule) api.RuleChange {
		return api.RuleChange{Table: rules.TableFilter, Chain: rules.ChainInput, Op: op, Index: index, Rule: r}
	}
	counted := proto(2)
	counted.Packets, counted.Bytes = 7, 700
	for _, c := range []struct {
		name   string
		have   []rules.Rule
		change api.RuleChange
		want   []rules.Rule
		errno  error
	}{
		{"add to none", nil, in(api.RuleAdd, 0, proto(1)), []rules.Rule{proto(1)}, nil},
		{"add", []rules.Rule{proto(1)}, in(api.RuleAdd, 0, counted), []rules.Rule{proto(1), proto(2)}, nil},
		{"insert first", []rules.Rule{proto(1)}, in(api.RuleInsert, 0, proto(2)), []rules.Rule{proto(2), proto(1)}, nil},
		{"insert last", []rules.Rule{proto(1)}, in(api.RuleInsert, 2, proto(2)), []rules.Rule{proto(1), proto(2)}, nil},
		{"insert behind the end", []rules.Rule{proto(1)}, in(api.RuleInsert, 3, proto(2)), nil, unix.ENOENT},
		{"delete by number", []rules.Rule{proto(1), proto(2)}, in(api.RuleDelete, 1, rules.Rule{}), []rules.Rule{proto(2)}, nil},
		{"delete by text", []rules.Rule{proto(1), counted}, in(api.RuleDelete, 0, proto(2)), []rules.Rule{proto(1)}, nil},
		{"delete what is not there", []rules.Rule{proto(1)}, in(api.RuleDelete, 0, proto(2)), nil, unix.ENOENT},
		{"delete behind the end", []rules.Rule{proto(1)}, in(api.RuleDelete, 2, rules.Rule{}), nil, unix.ENOENT},
		{"flush", []rules.Rule{proto(1)}, in(api.RuleFlush, 0, rules.Rule{}), nil, nil},
		{"unknown operation", []rules.Rule{proto(1)}, in("turn", 0, rules.Rule{}), nil, unix.EINVAL},
		{"unknown chain", nil, api.RuleChange{Table: rules.TableFilter, Chain: "forward", Op: api.RuleAdd}, nil, unix.ENOENT},
		{"policy in nat", nil, api.RuleChange{Table: rules.TableNAT, Chain: rules.ChainInput, Op: api.RulePolicy, Policy: "drop"}, nil, unix.EINVAL},
		{"unknown policy", nil, api.RuleChange{Table: rules.TableFilter, Chain: rules.ChainInput, Op: api.RulePolicy, Policy: "reject"}, nil, unix.EINVAL},
	} {
		before := rules.Set{Filter: map[rules.Chain][]rules.Rule{rules.ChainInput: c.have}}
		s := withTables(before)
		err := edit("test", &s, c.change)
		if c.errno != nil {
			if !errors.Is(err, c.errno) {
				t.Errorf("%s: %v, want %v", c.name, err, c.errno)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		got := s.Filter[rules.ChainInput]
		for i := range got {
			if c.name == "add" { // what a client says of counters counts for nothing
				break
			}
			got[i].Packets, got[i].Bytes = 0, 0
		}
		if len(got)+len(c.want) > 0 && !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
		if !reflect.DeepEqual(before.Filter[rules.ChainInput], c.have) {
			t.Errorf("%s: the rules in force were changed", c.name)
		}
	}
}

// A rule that moved within its chain does not get another one's counters.
func TestAddCounters(t *testing.T) {
	a := netip.MustParsePrefix("10.0.0.1/32")
	nat := func(packets uint64) rules.Rule {
		return rules.Rule{Match: rules.Match{Dst: a}, Action: rules.Action{Kind: rules.KindAccept}, Packets: packets, Bytes: packets * 100}
	}
	one, two := proto(1), proto(2)
	one.Packets = 1
	to := rules.Set{Filter: map[rules.Chain][]rules.Rule{rules.ChainInput: {one, two}}, NAT: map[rules.Chain][]rules.Rule{rules.ChainInput: {nat(3)}}}
	counted := proto(2)
	counted.Packets = 9
	addCounters(&to, rules.Set{
		Filter: map[rules.Chain][]rules.Rule{rules.ChainInput: {counted, counted}},
		NAT:    map[rules.Chain][]rules.Rule{rules.ChainInput: {nat(4), nat(5)}},
	})
	got := []uint64{to.Filter[rules.ChainInput][0].Packets, to.Filter[rules.ChainInput][1].Packets, to.NAT[rules.ChainInput][0].Packets, to.NAT[rules.ChainInput][0].Bytes}
	if want := []uint64{1, 9, 7, 700}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
