package grammar

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/ipvl/ipvl/cmd/internal/api"
	"github.com/ipvl/ipvl/stack/rules"
)

// takeFrom reads [not] PREFIX; any is every address, and needs no mention.
func (w *ruleWords) takeFrom(s *scanner, name string, into *netip.Prefix, not *bool) error {
	if err := w.once(name); err != nil {
		return err
	}
	arg, err := s.value()
	if err == nil && (arg == "not" || arg == "!") {
		*not = true
		arg, err = s.value()
	}
	if err != nil {
		return err
	}
	d, err := parsePrefix(arg, w.family)
	if err != nil {
		return err
	}
	if d.fallback {
		return expected("prefix", arg, w.family)
	}
	if *not && !d.prefix.IsValid() {
		return syntax(ExitSyntax, `Error: "%s not %s" is no packet at all: leave it out, or write a prefix.`, name, arg)
	}
	*into = d.prefix
	if w.family == 0 {
		w.family = familyOf(d)
	}
	return nil
}

func takeRuleFamily(w *ruleWords, v string) error {
	family := map[string]int{"inet": 4, "inet6": 6}[v]
	if family == 0 {
		return invalid(v, "invalid protocol family")
	}
	if w.family != 0 && w.family != family {
		return syntax(ExitSyntax, "Error: IPv4 and IPv6 in one rule: write one for each.")
	}
	w.family, w.Match.Family = family, family
	return nil
}

// takeProto reads a protocol's name, in any case, or its number.
func takeProto(w *ruleWords, v string) error {
	if v == "all" || v == "any" {
		return nil
	}
	n, ok := api.IPProtocols.Number(strings.ToLower(v))
	if !ok {
		return invalid(v, `Invalid "proto" value`)
	}
	w.Match.Proto = uint8(n)
	return nil
}

func takePorts(into *rules.Ports, v string) error {
	p, ok := parsePorts(v)
	if !ok {
		return badPorts(v)
	}
	*into = p
	return nil
}

// badPorts begins as ip(8) has it.
func badPorts(v string) error {
	return invalid(v, "invalid port range; write a number from 1 to 65535, or two as 1024-2047")
}

// parsePorts reads P or P-P, with P from 1 to 65535.
func parsePorts(v string) (p rules.Ports, ok bool) {
	lo, hi, ranged := strings.Cut(v, "-")
	if !ranged {
		hi = lo
	}
	a, oka := unsigned(lo)
	b, okb := unsigned(hi)
	return rules.Ports{Lo: uint16(a), Hi: uint16(b)}, oka && okb && 0 < a && a <= b && b <= 65535
}

// takeStates reads S[,S], in any case, and keeps them in one order.
func takeStates(w *ruleWords, v string) error {
	all := []rules.State{rules.StateNew, rules.StateEstablished, rules.StateRelated, rules.StateInvalid}
	seen := make(map[rules.State]bool, len(all))
	for _, part := range strings.Split(v, ",") {
		state := rules.State(strings.ToLower(part))
		if !slices.Contains(all, state) {
			return invalid(v, `"state" is new, established, related or invalid, or several with commas between`)
		}
		seen[state] = true
	}
	for _, state := range all {
		if seen[state] {
			w.Match.States = append(w.Match.States, state)
		}
	}
	return nil
}

// takeTarget reads "to ADDR", "to ADDR:P[-P]" or "to [ADDR]:P[-P]".
func (w *ruleWords) takeTarget(s *scanner, kind string) error {
	if arg, ok := s.next(); !ok || arg != "to" {
		return syntax(ExitSyntax, `Error: %s lacks its address: write "%s to ADDRESS".`, kind, kind)
	}
	arg, err := s.value()
	if err != nil {
		return err
	}
	host, ports, err := splitTarget(arg)
	if err != nil {
		return err
	}
	addr, ok := parseAddr(host, w.family)
	if !ok {
		return expected("address", host, w.family)
	}
	w.Action.Addr = addr
	if ports == "" {
		return nil
	}
	return takePorts(&w.Action.Ports, ports)
}

// splitTarget separates the ports, "" for none. An IPv6 address needs brackets
// then, as in a URL.
func splitTarget(arg string) (host, ports string, err error) {
	if rest, bracketed := strings.CutPrefix(arg, "["); bracketed {
		host, ports, closed := strings.Cut(rest, "]")
		if !closed || ports != "" && (len(ports) < 2 || ports[0] != ':') {
			return "", "", invalid(arg, fmt.Sprintf(`write "[%s]:PORT"`, strings.TrimRight(host, ":")))
		}
		return host, strings.TrimPrefix(ports, ":"), nil
	}
	if strings.Count(arg, ":") != 1 {
		return arg, "", nil
	}
	host, ports, _ = strings.Cut(arg, ":")
	if ports == "" {
		return "", "", badPorts(arg)
	}
	return host, ports, nil
}
