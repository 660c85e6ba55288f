package render

import (
	"io"
	"net/netip"
	"strconv"
	"strings"

	"github.com/ipvl/ipvl/cmd/internal/api"
	"github.com/ipvl/ipvl/stack/rules"
)

// Rules prints "filter show" and "nat show": a line for each chain, and below it
// one for each rule, behind whose number stands what "add" understands. The
// family of the request leaves out rules of the other; the numbers stay.
func Rules(w io.Writer, o Options, r api.RuleShow, chains []api.RuleChain) error {
	return list(w, o, func(p *printer) {
		for _, c := range chains {
			p.object("", func() { p.chain(c, r.Family) })
		}
	})
}

func (p *printer) chain(c api.RuleChain, family int) {
	p.str("table", "", string(c.Table))
	p.str("chain", "chain %s", string(c.Chain))
	if c.Policy != "" {
		p.str("policy", " policy %s", c.Policy)
	}
	p.array("rules", func() {
		for i, r := range c.Rules {
			if f, _ := r.Family(); family == 0 || f == 0 || f == family {
				p.nl()
				p.object("", func() { p.rule(i+1, r) })
			}
		}
	})
	p.say("\n")
}

func (p *printer) rule(index int, r rules.Rule) {
	p.num("index", "%d:\t", uint64(index))
	for i, w := range ruleWords(r) {
		if i > 0 {
			p.say(" ")
		}
		p.ruleWord(w)
	}
	if p.o.JSON || p.o.Stats > 0 {
		p.say(" packets %s", p.scaled(r.Packets))
		p.num("packets", "", r.Packets)
		p.say(" bytes %s", p.scaled(r.Bytes))
		p.num("bytes", "", r.Bytes)
	}
}

func (p *printer) ruleWord(w ruleWord) {
	if n, ok := api.IPProtocols.Number(w.value); ok && w.key == "proto" && p.o.Numeric {
		w.value = formatUint(uint64(n))
	}
	switch {
	case !p.o.JSON:
		p.say("%s", printable(strings.Join(w.words(), " ")))
	case w.key == "state":
		p.words(w.key, "", strings.Split(w.value, ","))
	default:
		p.str(w.key, "", w.value)
	}
}

// RuleWords are the words of a rule, after the chain, that parse to it.
func RuleWords(r rules.Rule) []string {
	var out []string
	for _, w := range ruleWords(r) {
		out = append(out, w.words()...)
	}
	return out
}

// ruleWord is one word with its value. It says the same in text and in JSON,
// where "from not" and the "to" of an action need keys of their own.
type ruleWord struct {
	key   string
	text  string // in place of the key; "" is the key
	value string
}

func (w ruleWord) words() []string {
	switch {
	case w.key == "action":
		return []string{w.value}
	case w.text != "":
		return append(strings.Fields(w.text), w.value)
	}
	return []string{w.key, w.value}
}

// ruleWords is a rule in the order of the manual. The family is said where
// nothing else of the rule says it: package grammar leaves it out elsewhere.
func ruleWords(r rules.Rule) []ruleWord {
	var out []ruleWord
	add := func(key, text, value string) {
		if value != "" {
			out = append(out, ruleWord{key, text, value})
		}
	}
	prefix := func(key string, not bool, p netip.Prefix) {
		switch {
		case !p.IsValid():
		case not:
			add(key+"_not", key+" not", prefixWord(p))
		default:
			add(key, "", prefixWord(p))
		}
	}
	m := r.Match
	add("family", "", map[int]string{4: "inet", 6: "inet6"}[m.Family])
	add("dev", "", m.Dev)
	prefix("from", m.NotSrc, m.Src)
	prefix("to", m.NotDst, m.Dst)
	if m.Proto != 0 {
		add("proto", "", api.IPProtocols.Name(uint32(m.Proto)))
	}
	add("sport", "", portsWord(m.SrcPorts))
	add("dport", "", portsWord(m.DstPorts))
	add("state", "", statesWord(m.States))
	add("action", "", r.Action.Kind)
	if r.Action.Addr.IsValid() {
		add("action_to", "to", targetWord(r.Action))
	}
	return out
}

func portsWord(p rules.Ports) string {
	switch {
	case p.IsZero():
		return ""
	case p.Lo == p.Hi:
		return strconv.Itoa(int(p.Lo))
	}
	return strconv.Itoa(int(p.Lo)) + "-" + strconv.Itoa(int(p.Hi))
}

func statesWord(states []rules.State) string {
	words := make([]string, len(states))
	for i, s := range states {
		words[i] = string(s)
	}
	return strings.Join(words, ",")
}

// targetWord is ADDR, ADDR:PORTS or [ADDR]:PORTS.
func targetWord(a rules.Action) string {
	switch {
	case a.Ports.IsZero():
		return a.Addr.String()
	case a.Addr.Is6():
		return "[" + a.Addr.String() + "]:" + portsWord(a.Ports)
	}
	return a.Addr.String() + ":" + portsWord(a.Ports)
}
