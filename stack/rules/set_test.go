package rules

import (
	"encoding/json"
	"reflect"
	"testing"
)

func full() Set {
	return Set{
		Filter: map[Chain][]Rule{ChainInput: {{
			Match:  Match{Dev: "eth0", Src: prefix("10.0.0.0/8"), NotSrc: true, Proto: 6, DstPorts: Ports{22, 23}, States: []State{StateNew, StateRelated}, Family: 4},
			Action: Action{Kind: KindDrop}, Packets: 3, Bytes: 180,
		}}},
		NAT:    map[Chain][]Rule{ChainPrerouting: {{Match: Match{Proto: 6}, Action: Action{Kind: KindDNAT, Addr: ip("10.1.0.11"), Ports: Ports{80, 80}}}}},
		Policy: map[Chain]string{ChainOutput: KindDrop},
	}
}

func TestASetSurvivesJSON(t *testing.T) {
	s := full()
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"filter":{"input":[{"match":{"dev":"eth0","src":"10.0.0.0/8","not_src":true,"proto":6,"dst_ports":{"lo":22,"hi":23},"states":["new","related"],"family":4},"action":{"kind":"drop"},"packets":3,"bytes":180}]},` +
		`"nat":{"prerouting":[{"match":{"proto":6},"action":{"kind":"dnat","addr":"10.1.0.11","ports":{"lo":80,"hi":80}}}]},"policy":{"output":"drop"}}`
	if string(b) != want {
		t.Errorf("got  %s\nwant %s", b, want)
	}
	var back Set
	if err := json.Unmarshal(b, &back); err != nil || !reflect.DeepEqual(back, s) {
		t.Errorf("back: %v, %+v", err, back)
	}
}

func TestACloneSharesNothing(t *testing.T) {
	s, want := full(), full()
	c := s.Clone()
	if !reflect.DeepEqual(c, s) {
		t.Fatalf("clone is %+v", c)
	}
	c.Filter[ChainInput][0].Match.States[0] = StateInvalid
	c.Filter[ChainInput][0].Packets++
	c.NAT[ChainOutput] = nil
	c.Policy[ChainInput] = KindDrop
	if !reflect.DeepEqual(s, want) {
		t.Errorf("the original changed: %+v", s)
	}
}

func TestSameIgnoresCountersAndOrder(t *testing.T) {
	r := full().Filter[ChainInput][0]
	o := full().Filter[ChainInput][0]
	o.Packets, o.Match.States, o.Match.Src = 99, []State{StateRelated, StateNew}, prefix("10.9.9.9/8")
	if !r.Same(o) {
		t.Error("the same rule is another one")
	}
	for name, change := range map[string]func(*Rule){
		"dev": func(r *Rule) { r.Match.Dev = "" }, "src": func(r *Rule) { r.Match.Src = prefix("10.0.0.0/9") },
		"dst": func(r *Rule) { r.Match.Dst = prefix("10.0.0.0/9") }, "not": func(r *Rule) { r.Match.NotSrc = false },
		"proto": func(r *Rule) { r.Match.Proto = 17 }, "sport": func(r *Rule) { r.Match.SrcPorts = Ports{1, 1} },
		"dport": func(r *Rule) { r.Match.DstPorts = Ports{22, 22} }, "states": func(r *Rule) { r.Match.States = []State{StateNew, StateInvalid} },
		"family": func(r *Rule) { r.Match.Family = 0 }, "action": func(r *Rule) { r.Action.Kind = KindAccept },
	} {
		o := full().Filter[ChainInput][0]
		change(&o)
		if r.Same(o) {
			t.Errorf("another %s, and still the same", name)
		}
	}
}

func TestEmpty(t *testing.T) {
	for name, c := range map[string]struct {
		s    Set
		want bool
	}{
		"zero": {Set{}, true}, "accept": {Set{Policy: map[Chain]string{ChainInput: KindAccept}}, true},
		"no rules": {Set{NAT: map[Chain][]Rule{ChainInput: {}}}, true}, "policy": {Set{Policy: map[Chain]string{ChainInput: KindDrop}}, false},
		"rule": {full(), false},
	} {
		if got := c.s.Empty(); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestFamilyOfARule(t *testing.T) {
	for _, c := range []struct {
		r    Rule
		want int
	}{
		{Rule{}, 0}, {Rule{Match: Match{Family: 6}}, 6}, {Rule{Match: Match{Proto: ProtoICMP}}, 4}, {Rule{Match: Match{Dst: prefix("::/0")}}, 6},
		{Rule{Action: Action{Addr: ip("10.0.0.1")}}, 4},
	} {
		if got, ok := c.r.Family(); got != c.want || !ok {
			t.Errorf("%+v: %d %v", c.r, got, ok)
		}
	}
}

func TestPolicyOf(t *testing.T) {
	s := full()
	if s.PolicyOf(TableFilter, ChainOutput) != KindDrop || s.PolicyOf(TableFilter, ChainInput) != KindAccept || s.PolicyOf(TableNAT, ChainOutput) != KindAccept {
		t.Error("policies are mixed up")
	}
}

// FuzzCheck reads a Set as the API does: Check must not panic, and what it
// passes is for one family a rule.
func FuzzCheck(f *testing.F) {
	b, err := json.Marshal(full())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"nat":{"output":[{"match":{"src":""},"action":{"kind":"snat","addr":"::ffff:1.2.3.4"}}]}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var s Set
		if json.Unmarshal(b, &s) != nil || s.Check() != nil {
			return
		}
		for _, tab := range []Table{TableFilter, TableNAT} {
			for _, rs := range s.Of(tab) {
				for _, r := range rs {
					if _, ok := r.Family(); !ok {
						t.Errorf("%+v passes", r)
					}
				}
			}
		}
	})
}
