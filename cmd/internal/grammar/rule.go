package grammar

import (
	"errors"
	"slices"
	"strings"

	"github.com/ipvl/ipvl/stack/rules"
)

// ruleWords is what the words of a rule fill in.
type ruleWords struct {
	rules.Rule
	family int      // of the addresses to come: that of -4, -6 and "family"
	given  []string // the words that were there: each once
}

// ruleTable is the words of a match, in the order that decides what an
// abbreviation means.
func ruleTable() []word[*ruleWords] {
	table := []word[*ruleWords]{
		{name: "dev", take: func(w *ruleWords, v string) error {
			if !validName(v) {
				return invalid(v, `"dev" not a valid ifname`)
			}
			w.Match.Dev = v
			return nil
		}},
		{name: "family", take: takeRuleFamily},
		{name: "proto", take: takeProto},
		{name: "sport", take: func(w *ruleWords, v string) error { return takePorts(&w.Match.SrcPorts, v) }},
		{name: "dport", take: func(w *ruleWords, v string) error { return takePorts(&w.Match.DstPorts, v) }},
		{name: "state", take: takeStates},
	}
	for i := range table {
		take, name := table[i].take, table[i].name
		table[i].short = name != "family" // "f" is from
		table[i].take = func(w *ruleWords, v string) error {
			if err := w.once(name); err != nil {
				return err
			}
			return take(w, v)
		}
	}
	protocol := table[2]
	protocol.name = "protocol"
	ipproto := table[2]
	ipproto.name = "ipproto"
	return append(table, protocol, ipproto)
}

// once refuses a word that was there before: which of the two counts is nothing
// to guess at.
func (w *ruleWords) once(name string) error {
	if slices.Contains(w.given, name) {
		return syntax(ExitUsage, `Error: duplicate "%s": write one rule for each.`, name)
	}
	w.given = append(w.given, name)
	return nil
}

// parseRule reads MATCH... ACTION to the end, and checks that the rule can stand
// in the chain.
func parseRule(t rules.Table, c rules.Chain, o *Options, s *scanner) (rules.Rule, error) {
	w := &ruleWords{family: o.Family}
	w.Match.Family = o.Family
	err := walk(s, ruleTable(), w, func(arg string) error { return w.takeOther(s, arg, t) })
	switch {
	case err != nil:
		return rules.Rule{}, err
	case w.Action.Kind == "":
		return rules.Rule{}, syntax(ExitSyntax, "Error: the rule lacks its action: end it with %s.", actionsOf(t))
	}
	if err := w.check(t, c); err != nil {
		return rules.Rule{}, err
	}
	w.Match.Family = w.ownFamily()
	return w.Rule, nil
}

// takeOther reads "from" and "to", whose value may be two words, and the action.
func (w *ruleWords) takeOther(s *scanner, arg string, t rules.Table) error {
	switch {
	case abbreviates(arg, "from"):
		return w.takeFrom(s, "from", &w.Match.Src, &w.Match.NotSrc)
	case arg == "to":
		return w.takeFrom(s, "to", &w.Match.Dst, &w.Match.NotDst)
	case abbreviates(arg, "help"):
		return errHelp{Help{Object: string(t)}}
	}
	kind := resolve(strings.ToLower(arg), actionKinds())
	if kind == "" {
		return unknownRuleWord(arg, t)
	}
	w.Action.Kind = kind
	if kind == rules.KindSNAT || kind == rules.KindDNAT {
		if err := w.takeTarget(s, kind); err != nil {
			return err
		}
	}
	return s.end()
}

// check says what is wrong in words of the command line, and leaves the rest to
// package rules.
func (w *ruleWords) check(t rules.Table, c rules.Chain) error {
	m := w.Match
	for _, p := range []struct {
		word  string
		ports rules.Ports
	}{{"sport", m.SrcPorts}, {"dport", m.DstPorts}, {"a port", w.Action.Ports}} {
		if !p.ports.IsZero() && m.Proto != rules.ProtoTCP && m.Proto != rules.ProtoUDP {
			return syntax(ExitSyntax, `Error: %s without proto tcp or udp: write "proto tcp" or "proto udp" as well.`, p.word)
		}
	}
	err := w.Check(t, c)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, rules.ErrAction):
		return syntax(ExitSyntax, "Error: %s belongs to %s.", w.Action.Kind, placesOf(w.Action.Kind))
	case errors.Is(err, rules.ErrFamily):
		return syntax(ExitSyntax, "Error: IPv4 and IPv6 in one rule: write one for each.")
	}
	why := err
	var e *rules.Error
	if errors.As(err, &e) {
		why = e.Err
	}
	return syntax(ExitSyntax, "Error: %s.", why)
}

// ownFamily is the family that the rule has to say, since nothing else does.
func (w *ruleWords) ownFamily() int {
	r := w.Rule
	r.Match.Family = 0
	if f, _ := r.Family(); f != 0 {
		return 0
	}
	return w.Match.Family
}

func actionKinds() []string {
	return []string{rules.KindAccept, rules.KindDrop, rules.KindMasquerade, rules.KindSNAT, rules.KindDNAT}
}

func actionsOf(t rules.Table) string {
	if t == rules.TableFilter {
		return `"accept" or "drop"`
	}
	return `"accept", "masquerade", "snat to ADDRESS" or "dnat to ADDRESS"`
}

func placesOf(kind string) string {
	return map[string]string{
		rules.KindDrop:       "filter input or output",
		rules.KindMasquerade: "nat postrouting",
		rules.KindSNAT:       "nat postrouting or input",
		rules.KindDNAT:       "nat prerouting or output",
	}[kind]
}

// unknownRuleWord knows words of iptables(8) and of ip rule for what has another
// name here.
func unknownRuleWord(arg string, t rules.Table) error {
	instead := map[string]string{
		"-s": "from PREFIX", "--source": "from PREFIX", "src": "from PREFIX", "-d": "to PREFIX", "--destination": "to PREFIX", "dst": "to PREFIX",
		"-p": "proto P", "--protocol": "proto P", "-i": "dev MASTER", "-o": "dev MASTER", "iif": "dev MASTER", "oif": "dev MASTER",
		"--sport": "sport PORT", "--dport": "dport PORT", "--ctstate": "state STATE", "--state": "state STATE", "ctstate": "state STATE",
		"not": `from not PREFIX" or "to not PREFIX`, "!": `from not PREFIX" or "to not PREFIX`, "-j": "ACTION", "reject": "drop", "redirect": "dnat to ADDRESS",
		"return": "accept",
	}[strings.ToLower(arg)]
	if instead != "" {
		return syntax(ExitSyntax, `Error: "%s" is not known here: write "%s".`, arg, instead)
	}
	return syntax(ExitSyntax, `Error: "%s" is neither a match nor an action of %s, try "ipvl %s help".`, arg, t, t)
}
