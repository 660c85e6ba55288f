package conformance

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Rules of netfilter are said in the words of "ipvl filter" and "ipvl nat". The
// kernel is told them by iptables(8): user-mode Linux has no nft_nat.

// ruleTable tells whether a command is about rules.
func ruleTable(argv []string) bool { return argv[0] == "filter" || argv[0] == "nat" }

// iptables translates a command about rules into what follows "iptables -t
// TABLE", and tells for which families.
func iptables(argv []string) (args []string, families []int, err error) {
	verb, chain := argv[1], ""
	if len(argv) > 2 {
		chain = strings.ToUpper(argv[2])
	}
	families = []int{4, 6}
	switch op := map[string]string{"add": "-A", "insert": "-I", "delete": "-D", "flush": "-F", "policy": "-P"}[verb]; {
	case op == "" || chain == "" && verb != "flush":
		return nil, nil, fmt.Errorf("%v is no command about rules", argv)
	case verb == "flush" && chain == "":
		return []string{op}, families, nil
	case verb == "policy":
		return []string{op, chain, strings.ToUpper(argv[3])}, families, nil
	default:
		args = []string{op, chain}
	}
	if _, err := strconv.Atoi(argv[len(argv)-1]); err == nil && verb == "delete" && len(argv) == 4 { // by its number
		return append(args, argv[3]), []int{4}, nil // of an IPv4 rule
	}
	t := translation{words: argv[3:], chain: chain, args: args}
	for len(t.words) > 0 && t.err == nil {
		t.word()
	}
	if t.family != 0 {
		families = []int{t.family}
	}
	return t.args, families, t.err
}

// translation is a rule that is being translated.
type translation struct {
	words, args []string
	chain       string
	family      int
	err         error
}

func (t *translation) next() string {
	if len(t.words) == 0 {
		t.err = fmt.Errorf("a rule ends where a word is missing: %v", t.args)
		return ""
	}
	w := t.words[0]
	t.words = t.words[1:]
	return w
}

// address notes the family of one.
func (t *translation) address() string {
	a := t.next()
	if t.family = 4; strings.Contains(a, ":") && strings.Count(a, ":") > 1 {
		t.family = 6
	}
	return a
}

func (t *translation) word() {
	switch w := t.next(); w {
	case "dev":
		option := "-i"
		if t.chain == "OUTPUT" || t.chain == "POSTROUTING" {
			option = "-o"
		}
		t.args = append(t.args, option, t.next())
	case "from", "to":
		if len(t.words) > 0 && t.words[0] == "not" {
			t.next()
			t.args = append(t.args, "!")
		}
		t.args = append(t.args, map[string]string{"from": "-s", "to": "-d"}[w], t.address())
	case "proto":
		t.args = append(t.args, "-p", t.next())
	case "sport", "dport":
		t.args = append(t.args, "--"+w, strings.ReplaceAll(t.next(), "-", ":"))
	case "state":
		t.args = append(t.args, "-m", "conntrack", "--ctstate", strings.ToUpper(t.next()))
	case "accept", "drop":
		t.args = append(t.args, "-j", strings.ToUpper(w))
	case "masquerade":
		t.args = append(t.args, "-j", "MASQUERADE")
		if slices.Contains(t.args, "udp") || slices.Contains(t.args, "tcp") {
			t.args = append(t.args, "--to-ports", "61000-65535") // what is left to the router
		}
	case "snat", "dnat":
		t.next() // "to"
		t.args = append(t.args, "-j", strings.ToUpper(w), map[string]string{"snat": "--to-source", "dnat": "--to-destination"}[w], t.address())
	default:
		t.err = fmt.Errorf("%q is no word of a rule", w)
	}
}

func (kernel) rule(argv []string) error {
	args, families, err := iptables(argv)
	if err != nil {
		return err
	}
	for _, f := range families {
		if _, err := runIPTables(f, append([]string{"-t", argv[0]}, args...)...); err != nil {
			return err
		}
	}
	return nil
}

func runIPTables(family int, args ...string) ([]byte, error) {
	name := map[int]string{4: "iptables-legacy", 6: "ip6tables-legacy"}[family]
	path := filepath.Join(os.Getenv("IPVL_CONFORMANCE_UML"), "usr/sbin", name)
	return output("host", append([]string{path, "-w"}, args...)...)
}

// counters are the packets and bytes of a chain's rules, in both families'
// chains together.
func (kernel) counters(table, chain string, rules []rule) ([]string, error) {
	total, at := make([][2]int, len(rules)), map[int]int{}
	for _, f := range []int{4, 6} {
		out, err := runIPTables(f, "-t", table, "-L", strings.ToUpper(chain), "-v", "-x", "-n")
		if err != nil {
			return nil, err
		}
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")[2:]
		for i, r := range rules {
			if !slices.Contains(r.families, f) || at[f] >= len(lines) {
				continue
			}
			var packets, bytes int
			if _, err := fmt.Sscan(lines[at[f]], &packets, &bytes); err != nil {
				return nil, fmt.Errorf("%w in %q", err, lines[at[f]])
			}
			at[f]++
			total[i][0], total[i][1] = total[i][0]+packets, total[i][1]+bytes
		}
	}
	var lines []string
	for i := range rules {
		lines = append(lines, fmt.Sprintf("%d packets %d bytes", total[i][0], total[i][1]))
	}
	return lines, nil
}

// rule is one that a case has set.
type rule struct {
	text     string
	families []int
}

// note keeps the list of a chain's rules as a command leaves it.
func note(rules []rule, argv []string) []rule {
	_, families, err := iptables(roles(argv))
	if err != nil || len(argv) < 3 {
		return nil // "flush"
	}
	r := rule{strings.Join(argv[3:], " "), families}
	switch argv[1] {
	case "add":
		return append(rules, r)
	case "insert":
		return slices.Insert(rules, 0, r)
	case "flush":
		return nil
	case "delete":
		at := slices.IndexFunc(rules, func(o rule) bool { return o.text == r.text })
		if n, err := strconv.Atoi(r.text); err == nil {
			at = n - 1
		}
		if at >= 0 && at < len(rules) {
			return slices.Delete(rules, at, at+1)
		}
	}
	return rules
}

// rules does a command about rules, or tells of a chain's: how often each has
// matched, but those for sentinels.
func (l *lab) rule(argv []string) ([]string, error) {
	chain := strings.Join([]string{argv[0], strings.Join(argv[2:min(3, len(argv))], "")}, " ")
	if argv[1] != "show" {
		l.rules[chain] = note(l.rules[chain], argv)
		return nil, l.engine.rule(roles(argv))
	}
	counts, err := l.engine.counters(argv[0], argv[2], l.rules[chain])
	if err != nil {
		return nil, err
	}
	lines := []string{}
	for i, r := range l.rules[chain] {
		if i < len(counts) && !strings.Contains(r.text, "dport 9 ") {
			lines = append(lines, r.text+": "+counts[i])
		}
	}
	return lines, nil
}

func (a *appliance) rule(argv []string) error {
	_, err := output("host", append(a.program(), argv...)...)
	return err
}

func (a *appliance) counters(table, chain string, _ []rule) ([]string, error) {
	out, err := output("host", append(a.program(), "-s", "-j", table, "show", chain)...)
	if err != nil {
		return nil, err
	}
	var chains []struct {
		Rules []struct{ Packets, Bytes uint64 }
	}
	if err := json.Unmarshal(out, &chains); err != nil || len(chains) != 1 {
		return nil, fmt.Errorf("%w in %q", err, out)
	}
	var lines []string
	for _, r := range chains[0].Rules {
		lines = append(lines, fmt.Sprintf("%d packets %d bytes", r.Packets, r.Bytes))
	}
	return lines, nil
}

// forget takes the host's rules away, and what it knows of connections: its
// namespace goes.
func (kernel) forget(l *lab) error {
	if err := l.clear(); err != nil {
		return err
	}
	for _, s := range l.sockets {
		s.close()
	}
	l.sockets = nil
	if err := l.spaces["host"].end(); err != nil {
		return err
	}
	host, err := newSpace("host")
	l.spaces["host"] = host
	return err
}

func (a *appliance) forget(*lab) error {
	for _, command := range []string{"nat flush", "filter flush", "filter policy input accept", "filter policy output accept"} {
		if err := a.rule(strings.Fields(command)); err != nil {
			return err
		}
	}
	return nil
}
