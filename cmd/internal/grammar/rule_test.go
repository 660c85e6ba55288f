package grammar_test

import (
	"encoding/binary"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/ipvl/ipvl/cmd/internal/api"
	"github.com/ipvl/ipvl/cmd/internal/grammar"
	"github.com/ipvl/ipvl/cmd/internal/render"
	"github.com/ipvl/ipvl/stack/rules"
)

func TestRuleRequests(t *testing.T) {
	p := netip.MustParsePrefix
	drop := rules.Rule{Action: rules.Action{Kind: rules.KindDrop}}
	for _, c := range []struct {
		line string
		want any
	}{
		{"filter", api.RuleShow{Table: rules.TableFilter}},
		{"-s -6 nat show pre", api.RuleShow{Scope: api.Scope{Family: 6, Stats: true}, Table: rules.TableNAT, Chain: rules.ChainPrerouting}},
		{"filter add input drop", api.RuleChange{Table: "filter", Chain: "input", Op: api.RuleAdd, Rule: drop}},
		{"filter insert output drop", api.RuleChange{Table: "filter", Chain: "output", Op: api.RuleInsert, Index: 1, Rule: drop}},
		{"filter insert output 4 drop", api.RuleChange{Table: "filter", Chain: "output", Op: api.RuleInsert, Index: 4, Rule: drop}},
		{"filter delete input 7", api.RuleChange{Table: "filter", Chain: "input", Op: api.RuleDelete, Index: 7}},
		{"filter delete input drop", api.RuleChange{Table: "filter", Chain: "input", Op: api.RuleDelete, Rule: drop}},
		{"nat flush", api.RuleChange{Table: "nat", Op: api.RuleFlush}},
		{"filter policy out drop", api.RuleChange{Table: "filter", Chain: "output", Op: api.RulePolicy, Policy: "drop"}},
		{"filter add input dev eth0 from not 10.1.2.3/8 to 10.0.0.1 proto tcp sport 1-9 dport 22 state related,new accept",
			api.RuleChange{Table: "filter", Chain: "input", Op: api.RuleAdd, Rule: rules.Rule{
				Match: rules.Match{Dev: "eth0", Src: p("10.0.0.0/8"), NotSrc: true, Dst: p("10.0.0.1/32"), Proto: rules.ProtoTCP,
					SrcPorts: rules.Ports{Lo: 1, Hi: 9}, DstPorts: rules.Ports{Lo: 22, Hi: 22}, States: []rules.State{"new", "related"}},
				Action: rules.Action{Kind: rules.KindAccept}}}},
		{"-6 nat add post proto udp masquerade", api.RuleChange{Scope: api.Scope{Family: 6}, Table: "nat", Chain: "postrouting", Op: api.RuleAdd,
			Rule: rules.Rule{Match: rules.Match{Family: 6, Proto: rules.ProtoUDP}, Action: rules.Action{Kind: rules.KindMasquerade}}}},
		{"-4 nat add pre proto udp dnat to 10.1:53-54", api.RuleChange{Scope: api.Scope{Family: 4}, Table: "nat", Chain: "prerouting", Op: api.RuleAdd,
			Rule: rules.Rule{Match: rules.Match{Proto: rules.ProtoUDP}, Action: rules.Action{Kind: rules.KindDNAT,
				Addr: netip.MustParseAddr("10.1.0.0"), Ports: rules.Ports{Lo: 53, Hi: 54}}}}},
	} {
		got, err := grammar.Parse(split(c.line))
		if err != nil || !reflect.DeepEqual(got.Request, c.want) {
			t.Errorf("%s\n got %#v, %v\nwant %#v", c.line, got.Request, err, c.want)
		}
	}
}

// shown is the words of a rule as show prints them.
func shown(t *testing.T, table rules.Table, c rules.Chain, r rules.Rule) []string {
	t.Helper()
	var b strings.Builder
	err := render.Rules(&b, render.Options{}, api.RuleShow{}, []api.RuleChain{{Table: table, Chain: c, Rules: []rules.Rule{r}}})
	if err != nil {
		t.Fatal(err)
	}
	line, found := strings.CutPrefix(b.String(), "chain "+string(c)+"\n1:\t")
	if !found {
		t.Fatalf("%q", b.String())
	}
	return strings.Fields(line)
}

// ruleOf makes a rule of bytes: the first tells which parts it has.
func ruleOf(raw []byte, dev string) (rules.Table, rules.Chain, rules.Rule) {
	raw = append(raw, make([]byte, 80)...)
	places := []struct {
		t rules.Table
		c rules.Chain
	}{{"filter", "input"}, {"filter", "output"}, {"nat", "prerouting"}, {"nat", "input"}, {"nat", "output"}, {"nat", "postrouting"}}
	at := places[int(raw[1])%len(places)]
	port := func(i int) uint16 { return binary.BigEndian.Uint16(raw[i:]) }
	addr := func(i int) netip.Addr {
		if raw[2]&1 != 0 {
			return netip.AddrFrom4([4]byte(raw[i:]))
		}
		return netip.AddrFrom16([16]byte(raw[i:]))
	}
	prefix := func(i int) netip.Prefix { p, _ := addr(i).Prefix(int(raw[i+16]) % 129); return p }
	r := rules.Rule{Match: rules.Match{Proto: raw[3]}}
	has := func(bit int) bool { return raw[0]>>bit&1 != 0 }
	if has(0) {
		r.Match.Src, r.Match.NotSrc = prefix(8), raw[2]&2 != 0
	}
	if has(1) {
		r.Match.Dst, r.Match.NotDst = prefix(25), raw[2]&4 != 0
	}
	if has(2) {
		r.Match.SrcPorts = rules.Ports{Lo: port(42), Hi: port(44)}
	}
	if has(3) {
		r.Match.DstPorts = rules.Ports{Lo: port(46), Hi: port(48)}
	}
	if has(4) {
		r.Match.Dev = dev
	}
	if has(5) {
		r.Match.Family = int(raw[4])
	}
	for i, s := range []rules.State{rules.StateNew, rules.StateEstablished, rules.StateRelated, rules.StateInvalid} {
		if raw[5]>>i&1 != 0 {
			r.Match.States = append(r.Match.States, s)
		}
	}
	kinds := []string{rules.KindAccept, rules.KindDrop, rules.KindMasquerade, rules.KindSNAT, rules.KindDNAT}
	r.Action.Kind = kinds[int(raw[6])%len(kinds)]
	if r.Action.Kind == rules.KindSNAT || r.Action.Kind == rules.KindDNAT {
		r.Action.Addr = addr(50)
		if has(6) {
			r.Action.Ports = rules.Ports{Lo: port(66), Hi: port(68)}
		}
	}
	return at.t, at.c, r
}

// FuzzShownRulesCanBeAdded: whatever rule an appliance may hold, what show prints
// of it is taken by add, and means that rule.
func FuzzShownRulesCanBeAdded(f *testing.F) {
	f.Add([]byte{0, 0, 1}, "")
	f.Add([]byte{0x1f, 0, 7, 6, 0, 15, 0, 0, 10, 0, 0, 1}, "eth0")
	full := make([]byte, 80)
	copy(full, []byte{0x4f, 5, 0, 17, 0, 3, 3})
	copy(full[8:], []byte{0xfd, 1, 2, 3})
	full[24], full[41] = 64, 128
	copy(full[42:], []byte{0, 1, 0, 9, 0, 53, 0, 53, 0x20, 1})
	copy(full[66:], []byte{4, 0, 8, 0})
	f.Add(full, "")
	f.Add([]byte{0x20, 5, 0, 17, 6, 0, 2}, "")
	f.Fuzz(func(t *testing.T, raw []byte, dev string) {
		table, c, r := ruleOf(raw, dev)
		unprintable := func(r rune) bool { return !unicode.IsGraphic(r) || unicode.IsSpace(r) }
		if r.Check(table, c) != nil || !utf8.ValidString(dev) || strings.ContainsFunc(dev, unprintable) {
			return // such a name is printed with question marks
		}
		words := shown(t, table, c, r)
		got, err := grammar.Parse(append([]string{string(table), "add", string(c)}, words...))
		if err != nil {
			if dev != "" && strings.Contains(err.Error(), "not a valid ifname") {
				return // no interface has such a name
			}
			t.Fatalf("%+v\nis shown as %q\n%v", r, words, err)
		}
		if f, _ := r.Family(); f != 0 && f == r.Match.Family {
			r.Match.Family = got.Request.(api.RuleChange).Rule.Match.Family // said once is enough
		}
		if again := got.Request.(api.RuleChange).Rule; !again.Same(r) {
			t.Fatalf("%+v\nis shown as %q\nwhich is %+v", r, words, again)
		}
	})
}
