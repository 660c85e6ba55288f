package grammar

import (
	"net/netip"
	"slices"

	"github.com/ipvl/ipvl/cmd/internal/api"
	"github.com/ipvl/ipvl/stack/rules"
)

// ruleCandidates is what may follow the words of s after "filter VERB" or
// "nat VERB".
func ruleCandidates(t rules.Table, verb string, s *scanner) []string {
	rest := s.rest()
	if verb == "" || verb == "help" {
		return nil
	}
	if len(rest) == 0 {
		var out []string
		for _, c := range rules.Chains(t) {
			out = append(out, string(c))
		}
		return append(out, "help")
	}
	c, err := (&scanner{args: rest}).chain(t)
	switch {
	case err != nil, verb == "show", verb == "flush":
		return nil
	case verb == "policy":
		if len(rest) > 1 {
			return nil
		}
		return []string{rules.KindAccept, rules.KindDrop}
	}
	return ruleNext(t, c, rest[1:])
}

// ruleNext is what may follow the words of a rule.
func ruleNext(t rules.Table, c rules.Chain, words []string) []string {
	if len(words) > 0 {
		last := words[len(words)-1]
		if values, known := ruleValues(last); known {
			return values
		}
		if slices.ContainsFunc(words, func(w string) bool { return slices.Contains(actionKinds(), w) }) {
			return nil
		}
	}
	out := []string{"dev", "family", "from", "to", "proto", "sport", "dport", "state"}
	for _, kind := range actionKinds() {
		r := rules.Rule{Action: rules.Action{Kind: kind}}
		if kind == rules.KindSNAT || kind == rules.KindDNAT {
			r.Action.Addr = netip.IPv6Unspecified().Next().Next() // any that can be translated
		}
		if r.Check(t, c) == nil {
			out = append(out, kind)
		}
	}
	return out
}

func ruleValues(word string) (values []string, known bool) {
	switch word {
	case "dev", "to", "sport", "dport", "not":
		return nil, true
	case "from":
		return []string{"not"}, true
	case "family":
		return []string{"inet", "inet6"}, true
	case "proto":
		return api.IPProtocols.Texts(), true
	case "state":
		return []string{"new", "established", "related", "invalid"}, true
	case rules.KindSNAT, rules.KindDNAT:
		return []string{"to"}, true
	}
	return nil, false
}
