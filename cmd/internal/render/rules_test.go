package render_test

import (
	"strings"
	"testing"

	"github.com/ipvl/ipvl/cmd/internal/api"
	"github.com/ipvl/ipvl/cmd/internal/grammar"
	"github.com/ipvl/ipvl/cmd/internal/render"
	"github.com/ipvl/ipvl/stack/rules"
)

// rule is the rule of a command line, with counters.
func rule(t *testing.T, line string, packets, bytes uint64) rules.Rule {
	t.Helper()
	c, err := grammar.Parse(strings.Fields(line))
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	r := c.Request.(api.RuleChange).Rule
	r.Packets, r.Bytes = packets, bytes
	return r
}

func chains(t *testing.T) (filter, nat []api.RuleChain) {
	filter = []api.RuleChain{
		{Table: rules.TableFilter, Chain: rules.ChainInput, Policy: rules.KindDrop, Rules: []rules.Rule{
			rule(t, "filter add input from 10.0.0.0/8 proto tcp dport 22 state new,established accept", 3, 180),
			rule(t, "-6 filter add input dev m0 accept", 0, 0),
		}},
		{Table: rules.TableFilter, Chain: rules.ChainOutput, Policy: rules.KindAccept},
	}
	nat = []api.RuleChain{{Table: rules.TableNAT, Chain: rules.ChainPostrouting, Rules: []rules.Rule{
		rule(t, "nat add postrouting from not fd00::/8 to 2001:db8::1 proto udp sport 1-9 snat to [2001:db8::2]:1024-2047", 12345, 1<<40),
		rule(t, "nat add postrouting masquerade", 0, 0),
	}}}
	return filter, nat
}

func TestRules(t *testing.T) {
	filter, nat := chains(t)
	for _, c := range []struct {
		name   string
		o      render.Options
		family int
		chains []api.RuleChain
		want   string
	}{
		{"text", render.Options{}, 0, filter, "chain input policy drop\n" +
			"1:\tfrom 10.0.0.0/8 proto tcp dport 22 state new,established accept\n2:\tfamily inet6 dev m0 accept\nchain output policy accept\n"},
		{"-s", render.Options{Stats: 1}, 4, filter[:1], "chain input policy drop\n" +
			"1:\tfrom 10.0.0.0/8 proto tcp dport 22 state new,established accept packets 3 bytes 180\n"},
		{"-6 -o", render.Options{Oneline: true}, 6, filter, "chain input policy drop\\2:\tfamily inet6 dev m0 accept\nchain output policy accept\n"},
		{"-N", render.Options{Numeric: true}, 4, filter[:1], "chain input policy drop\n" +
			"1:\tfrom 10.0.0.0/8 proto 6 dport 22 state new,established accept\n"},
		{"-s -h", render.Options{Stats: 1, Human: true}, 0, nat, "chain postrouting\n" +
			"1:\tfrom not fd00::/8 to 2001:db8::1 proto udp sport 1-9 snat to [2001:db8::2]:1024-2047 packets 12.3k bytes 1.10T\n" +
			"2:\tmasquerade packets 0 bytes 0\n"},
		{"-j", render.Options{JSON: true}, 0, filter, `[{"table":"filter","chain":"input","policy":"drop","rules":[` +
			`{"index":1,"from":"10.0.0.0/8","proto":"tcp","dport":"22","state":["new","established"],"action":"accept","packets":3,"bytes":180},` +
			`{"index":2,"family":"inet6","dev":"m0","action":"accept","packets":0,"bytes":0}]},` +
			`{"table":"filter","chain":"output","policy":"accept","rules":[]}]` + "\n"},
		{"-j nat", render.Options{JSON: true}, 0, nat, `[{"table":"nat","chain":"postrouting","rules":[` +
			`{"index":1,"from_not":"fd00::/8","to":"2001:db8::1","proto":"udp","sport":"1-9","action":"snat","action_to":"[2001:db8::2]:1024-2047","packets":12345,"bytes":1099511627776},` +
			`{"index":2,"action":"masquerade","packets":0,"bytes":0}]}]` + "\n"},
		{"-j -p", render.Options{JSON: true, Pretty: true}, 6, filter[:1], `[ {
        "table": "filter",
        "chain": "input",
        "policy": "drop",
        "rules": [ {
                "index": 2,
                "family": "inet6",
                "dev": "m0",
                "action": "accept",
                "packets": 0,
                "bytes": 0
            } ]
    } ]
`},
		{"none", render.Options{}, 0, nil, ""},
	} {
		var b strings.Builder
		r := api.RuleShow{Scope: api.Scope{Family: c.family}}
		if err := render.Rules(&b, c.o, r, c.chains); err != nil {
			t.Fatal(err)
		}
		same(t, c.name, b.String(), c.want)
	}
}

// Another client of the API may have put anything into a name.
func TestRulesKeepToTheirLines(t *testing.T) {
	var b strings.Builder
	r := rules.Rule{Match: rules.Match{Dev: "a\n2:\tb\x1b"}, Action: rules.Action{Kind: "accept"}}
	if err := render.Rules(&b, render.Options{}, api.RuleShow{}, []api.RuleChain{{Chain: "input", Rules: []rules.Rule{r}}}); err != nil {
		t.Fatal(err)
	}
	same(t, "a name", b.String(), "chain input\n1:\tdev a?2:?b? accept\n")
}
