package grammar

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/ipvl/ipvl/cmd/internal/api"
	"github.com/ipvl/ipvl/cmd/internal/render"
)

// kindWords is what the words after "type ipvlan" fill in.
type kindWords struct {
	mode, flag string
	options    api.Options
	kernel     bool   // one of the kernel's words was given
	ours       string // the last word that is not the kernel's
}

// parseKind reads the words after "type ipvlan". Any word of the kernel's makes
// ip(8) send the flags, bridge where none was named: a mode alone resets private
// and vepa. So it is here. The words of ours come after the kernel's, which keep
// their abbreviations, and change neither mode nor flag.
func parseKind(args []string) (k kindWords, err error) {
	s := &scanner{args: args}
	for err == nil {
		arg, ok := s.next()
		if !ok {
			break
		}
		err = k.take(s, arg)
	}
	if k.kernel && k.flag == "" {
		k.flag = "bridge"
	}
	return k, err
}

func (k *kindWords) take(s *scanner, arg string) (err error) {
	if abbreviates(arg, "mode") {
		k.kernel = true
		if k.mode, err = s.value(); err == nil && k.mode != "l2" && k.mode != "l3" && k.mode != "l3s" {
			err = syntax(ExitSyntax, `Error: argument of "mode" must be either "l2", "l3" or "l3s"`)
		}
		return err
	}
	if flag := resolve(arg, []string{"bridge", "private", "vepa"}); flag != "" {
		if k.flag != "" {
			return unknownKindWord(arg)
		}
		k.kernel, k.flag = true, flag
		return nil
	}
	if abbreviates(arg, "help") {
		return syntax(ExitSyntax, "%s", strings.TrimSuffix(usageKind, "\n"))
	}
	if k.ours = resolve(arg, optionWords()); k.ours == "" {
		return unknownKindWord(arg)
	}
	return k.takeOption(s, k.ours)
}

func unknownKindWord(arg string) error {
	return syntax(ExitSyntax, "ipvlan: unknown option \"%s\"?\n%s", arg, strings.TrimSuffix(usageKind, "\n"))
}

// optionWords are the words of api.Options, in the order that decides what an
// abbreviation means.
func optionWords() []string {
	return []string{"lookup", "proxy", "announce", "guard", "allow", "host", "isolate"}
}

func (k *kindWords) takeOption(s *scanner, name string) error {
	if name == "allow" {
		if k.options.Allow != nil {
			return syntax(ExitUsage, `Error: duplicate "allow": write all addresses after one of them.`)
		}
		list, err := takeAllow(s)
		k.options.Allow = &list
		return err
	}
	v, err := s.value()
	if err != nil {
		return err
	}
	if name == "lookup" {
		if v != "kernel" && v != "full" {
			return syntax(ExitSyntax, `Error: argument of "lookup" must be "kernel" or "full", not "%s"`, v)
		}
		k.options.Lookup = &v
		return nil
	}
	on, err := onOff(name, v)
	for _, sw := range k.options.Switches() {
		if sw.Name == name {
			*sw.On = &on
		}
	}
	return err
}

// takeAllow reads "any", or addresses and prefixes, with commas or blanks
// between, up to the first word that looks like none.
func takeAllow(s *scanner) ([]netip.Prefix, error) {
	list := []netip.Prefix{}
	if arg, err := s.value(); err != nil || arg == "any" {
		return list, err
	}
	for s.pos--; s.pos < len(s.args); s.pos++ {
		arg := s.args[s.pos]
		if len(list) > 0 && !strings.ContainsAny(arg, ".:/,") && strings.IndexAny(arg, "0123456789") != 0 {
			break
		}
		for _, part := range strings.Split(arg, ",") {
			p, err := allowed(part)
			if err != nil {
				return nil, err
			}
			if !slices.Contains(list, p) {
				list = append(list, p)
			}
		}
	}
	return list, nil
}

// allowed reads one entry. Host bits are refused: who writes 10.0.0.5/24 may mean
// one address, and would allow 256.
func allowed(arg string) (netip.Prefix, error) {
	d, err := parsePrefix(arg, 0)
	if err != nil || !d.prefix.IsValid() || d.prefix.Addr().Is4In6() {
		return netip.Prefix{}, syntax(ExitSyntax, `Error: "allow" takes addresses and prefixes, or "any", not "%s".`, arg)
	}
	host, _, _ := strings.Cut(arg, "/")
	if addr, _ := parseAddr(host, 0); addr != d.prefix.Addr() {
		return netip.Prefix{}, syntax(ExitSyntax, `Error: "%s" has bits beyond its prefix length: write %s for all of these, or %s for the one.`,
			arg, d.prefix, addr)
	}
	return d.prefix, nil
}

// kind adds the words of the type. bridge after a mode is what Parse adds itself,
// but says what happens.
func (l *lister) kind(kind, mode, flag string, o api.Options) {
	l.word("type", kind).word("mode", mode).flag(flag, flag != "")
	l.text("lookup", o.Lookup)
	for _, sw := range o.Switches() {
		l.onOff(sw.Name, *sw.On)
	}
	if o.Allow != nil {
		l.add("allow").add(render.AllowWords(*o.Allow)...)
	}
}
