package grammar

import (
	"strings"

	"github.com/ipvl/ipvl/cmd/internal/api"
	"github.com/ipvl/ipvl/cmd/internal/render"
)

// Options are what stands before the object.
type Options struct {
	render.Options
	Family int    // 0, 4, 6
	Netns  string // -n
	Socket string // -S
}

// scope is the part of the options that the appliance is told.
func (o Options) scope() api.Scope {
	return api.Scope{Netns: o.Netns, Family: o.Family, Details: o.Details, Stats: o.Stats > 0}
}

// optionParser collects the options, and what ends the command among them.
type optionParser struct {
	o       Options
	version bool
	help    bool
}

// option is one entry of the table. Those without value get "".
type option struct {
	name  string
	exact bool
	value bool
	set   func(p *optionParser, v string) error
}

func on(set func(o *Options)) func(*optionParser, string) error {
	return func(p *optionParser, _ string) error { set(&p.o); return nil }
}

func noSuch(name string) func(*optionParser, string) error {
	return func(*optionParser, string) error { return unsupported(`option "` + name + `"`) }
}

func ignored(*optionParser, string) error { return nil }

// optionTable is in ip's order, which decides what an abbreviation means.
func optionTable() []option {
	return []option{
		{name: "-loops", value: true, set: ignored},
		{name: "-family", value: true, set: setFamily},
		{name: "-4", exact: true, set: on(func(o *Options) { o.Family = 4 })},
		{name: "-6", exact: true, set: on(func(o *Options) { o.Family = 6 })},
		{name: "-0", exact: true, set: noSuch("-0")},
		{name: "-M", exact: true, set: noSuch("-M")},
		{name: "-B", exact: true, set: noSuch("-B")},
		{name: "-human", set: on(func(o *Options) { o.Human = true })},
		{name: "-human-readable", set: on(func(o *Options) { o.Human = true })},
		{name: "-iec", set: on(func(o *Options) { o.IEC = true })},
		{name: "-stats", set: on(addStats)},
		{name: "-statistics", set: on(addStats)},
		{name: "-details", set: on(func(o *Options) { o.Details = true })},
		{name: "-resolve", set: noSuch("-resolve")},
		{name: "-oneline", set: on(func(o *Options) { o.Oneline = true })},
		{name: "-timestamp", set: on(func(o *Options) { o.Timestamp = true })},
		{name: "-tshort", set: on(func(o *Options) { o.ShortStamp = true })},
		{name: "-Version", set: func(p *optionParser, _ string) error { p.version = true; return nil }},
		{name: "-force", set: noSuch("-force")},
		{name: "-batch", set: noSuch("-batch")},
		{name: "-brief", set: on(func(o *Options) { o.Brief = true })},
		{name: "-json", set: on(func(o *Options) { o.JSON = true })},
		{name: "-pretty", set: on(func(o *Options) { o.Pretty = true })},
		{name: "-rcvbuf", value: true, set: setReceiveBuffer},
		{name: "-color", set: ignored},
		{name: "-help", set: func(p *optionParser, _ string) error { p.help = true; return nil }},
		{name: "-netns", value: true, set: func(p *optionParser, v string) error { p.o.Netns = v; return nil }},
		{name: "-Numeric", set: on(func(o *Options) { o.Numeric = true })},
		{name: "-all", set: noSuch("-all")},
		{name: "-echo", exact: true, set: noSuch("-echo")},
		// Ours, last: no abbreviation of ip's changes its meaning.
		{name: "-S", exact: true, value: true, set: setSocket},
		{name: "-socket", value: true, set: setSocket},
	}
}

func addStats(o *Options) {
	if o.Stats < 2 { // more than twice is as twice
		o.Stats++
	}
}

func setSocket(p *optionParser, v string) error {
	p.o.Socket = v
	return nil
}

func setFamily(p *optionParser, v string) error {
	switch v {
	case "inet":
		p.o.Family = 4
	case "inet6":
		p.o.Family = 6
	case "link", "mpls", "bridge":
		return unsupported(`family "` + v + `"`)
	case "help":
		p.help = true
	default:
		return invalid(v, "invalid protocol family")
	}
	return nil
}

func setReceiveBuffer(_ *optionParser, v string) error {
	if _, ok := unsigned(v); !ok {
		return syntax(ExitUsage, "Invalid rcvbuf size '%s'", v)
	}
	return nil
}

// options reads what stands before the object. It stops at what ends the
// command: -V, -help.
func (p *optionParser) options(s *scanner) error {
	for s.pos < len(s.args) && !p.version && !p.help {
		arg := s.args[s.pos]
		if arg == "--" {
			s.pos++
			return nil
		}
		if !strings.HasPrefix(arg, "-") {
			return nil
		}
		s.pos++
		if err := p.option(s, arg); err != nil {
			return err
		}
	}
	return nil
}

func (p *optionParser) option(s *scanner, arg string) error {
	name := arg
	if strings.HasPrefix(name, "--") {
		name = name[1:]
	}
	word, setting, assigned := strings.Cut(name, "=")
	for _, e := range optionTable() {
		colour := e.name == "-color" && assigned && abbreviates(word, e.name) && len(word) > 1
		switch {
		case colour && (setting == "always" || setting == "auto" || setting == "never"):
			return nil
		case name == "-" || colour:
		case name == e.name, !e.exact && abbreviates(name, e.name):
			if !e.value {
				return e.set(p, "")
			}
			v, err := s.value()
			if err != nil {
				return err
			}
			return e.set(p, v)
		}
	}
	return syntax(ExitUsage, `Option "%s" is unknown, try "ipvl -help".`, name)
}
