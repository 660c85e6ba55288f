package grammar

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ipvl/ipvl/cmd/internal/api"
	"github.com/ipvl/ipvl/cmd/internal/render"
	"github.com/ipvl/ipvl/stack/rules"
)

// parseRules makes the parser of an object: filter or nat.
func parseRules(t rules.Table) func(*Options, *scanner) (any, error) {
	object := string(t)
	as := func(f func(rules.Table, *Options, *scanner) (any, error)) func(*Options, *scanner) (any, error) {
		return func(o *Options, s *scanner) (any, error) {
			if o.Netns != "" {
				return nil, refuse(`the rules of %s are one set for the devices of all namespaces; leave "-n %s" out.`, t, o.Netns)
			}
			return f(t, o, s)
		}
	}
	return func(o *Options, s *scanner) (any, error) {
		verbs := []verb{
			{name: "add", parse: as(ruleAdd)}, {name: "append", parse: as(ruleAdd)}, {name: "insert", parse: as(ruleInsert)},
			{name: "delete", parse: as(ruleDelete)}, {name: "flush", parse: as(ruleFlush)}, {name: "policy", parse: as(rulePolicy)},
			{name: "show", parse: as(ruleShow)}, {name: "list", parse: as(ruleShow)}, {name: "lst", parse: as(ruleShow)},
			{name: "help", parse: helpOf(object)},
		}
		return pick(object, verbs, as(ruleShow), o, s, nil)
	}
}

// chain reads the name of a chain, which iptables(8) writes in capitals.
func (s *scanner) chain(t rules.Table) (rules.Chain, error) {
	arg, err := s.value()
	if err != nil {
		return "", err
	}
	var names []string
	for _, c := range rules.Chains(t) {
		if names = append(names, string(c)); abbreviates(strings.ToLower(arg), string(c)) {
			return c, nil
		}
	}
	list := strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
	if arg == "help" {
		return "", errHelp{Help{Object: string(t)}}
	}
	if strings.ToLower(arg) == "forward" {
		return "", refuse(`"forward": what a device sends passes output, what it gets passes input; use %s.`, list)
	}
	return "", syntax(ExitSyntax, `Error: "%s" is no chain of %s; it has %s.`, arg, t, list)
}

func ruleAdd(t rules.Table, o *Options, s *scanner) (any, error) {
	c, err := s.chain(t)
	if err != nil {
		return orHelp(nil, err)
	}
	r := api.RuleChange{Scope: o.scope(), Table: t, Chain: c, Op: api.RuleAdd}
	r.Rule, err = parseRule(t, c, o, s)
	return orHelp(r, err)
}

// ruleInsert puts a rule before the others unless a number says where.
func ruleInsert(t rules.Table, o *Options, s *scanner) (any, error) {
	c, err := s.chain(t)
	if err != nil {
		return orHelp(nil, err)
	}
	r := api.RuleChange{Scope: o.scope(), Table: t, Chain: c, Op: api.RuleInsert, Index: 1}
	if n, found, err := s.index(); err != nil {
		return nil, err
	} else if found {
		r.Index = n
	}
	r.Rule, err = parseRule(t, c, o, s)
	return orHelp(r, err)
}

// ruleDelete takes a number, or the words of the rule.
func ruleDelete(t rules.Table, o *Options, s *scanner) (any, error) {
	c, err := s.chain(t)
	if err != nil {
		return orHelp(nil, err)
	}
	r := api.RuleChange{Scope: o.scope(), Table: t, Chain: c, Op: api.RuleDelete}
	n, found, err := s.index()
	switch {
	case err != nil:
		return nil, err
	case found:
		r.Index = n
		return r, s.end()
	}
	r.Rule, err = parseRule(t, c, o, s)
	return orHelp(r, err)
}

// bothFamilies refuses -4 and -6 where they would not be heeded.
func bothFamilies(verb string, o *Options) error {
	if o.Family == 0 {
		return nil
	}
	return refuse(`"%s" is for IPv4 and IPv6 together; leave "-%d" out.`, verb, o.Family)
}

func ruleFlush(t rules.Table, o *Options, s *scanner) (any, error) {
	if err := bothFamilies("flush", o); err != nil {
		return nil, err
	}
	c, err := s.chainOrAll(t)
	r := api.RuleChange{Scope: o.scope(), Table: t, Chain: c, Op: api.RuleFlush}
	return orHelp(r, err)
}

func ruleShow(t rules.Table, o *Options, s *scanner) (any, error) {
	c, err := s.chainOrAll(t)
	return orHelp(api.RuleShow{Scope: o.scope(), Table: t, Chain: c}, err)
}

func rulePolicy(t rules.Table, o *Options, s *scanner) (any, error) {
	if t != rules.TableFilter {
		return nil, refuse(`%s has no policy: what no rule changes is accepted as it is; "ipvl filter policy" is there for dropping.`, t)
	}
	if err := bothFamilies("policy", o); err != nil {
		return nil, err
	}
	c, err := s.chain(t)
	if err != nil {
		return orHelp(nil, err)
	}
	arg, err := s.value()
	if err != nil {
		return nil, err
	}
	policy := resolve(strings.ToLower(arg), []string{rules.KindAccept, rules.KindDrop})
	if policy == "" {
		return nil, syntax(ExitSyntax, `Error: argument of "policy" must be "accept" or "drop", not "%s"`, arg)
	}
	return api.RuleChange{Scope: o.scope(), Table: t, Chain: c, Op: api.RulePolicy, Policy: policy}, s.end()
}

// chainOrAll reads a chain that may be left out.
func (s *scanner) chainOrAll(t rules.Table) (c rules.Chain, err error) {
	if s.pos == len(s.args) {
		return "", nil
	}
	if c, err = s.chain(t); err == nil {
		err = s.end()
	}
	return c, err
}

// end refuses what follows a whole command: a bad one changes nothing.
func (s *scanner) end() error {
	if arg, more := s.next(); more {
		return syntax(ExitUsage, `Error: "%s" follows the end of the command; leave it out.`, arg)
	}
	return nil
}

// index reads the number of a rule, if one is next, with or without the colon
// that show prints.
func (s *scanner) index() (n int, found bool, err error) {
	if s.pos == len(s.args) {
		return 0, false, nil
	}
	arg := s.args[s.pos]
	if strings.IndexAny(arg, "0123456789+-") != 0 {
		return 0, false, nil
	}
	s.pos++
	n, ok := integer(strings.TrimSuffix(arg, ":"))
	if !ok || n < 1 || n > rules.MaxRules {
		return 0, true, invalid(arg, fmt.Sprintf("rules are counted from 1 to %d", rules.MaxRules))
	}
	return n, true, nil
}

func (l *lister) ruleChange(r api.RuleChange) {
	l.add(string(r.Table), string(r.Op))
	if r.Chain != "" {
		l.add(string(r.Chain))
	}
	switch {
	case r.Op == api.RulePolicy:
		l.add(r.Policy)
		return
	case r.Op == api.RuleFlush:
		return
	case r.Index != 0:
		l.add(strconv.Itoa(r.Index))
	}
	if r.Op != api.RuleDelete || r.Index == 0 {
		l.add(render.RuleWords(r.Rule)...)
	}
}
