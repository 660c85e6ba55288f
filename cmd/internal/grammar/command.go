package grammar

import "github.com/ipvl/ipvl/stack/rules"

// Command is one parsed command line.
type Command struct {
	Options Options
	// Request is one of api.LinkAdd, LinkSet, LinkDel, LinkShow, AddrShow,
	// RouteShow, RouteGet, NeighShow, Monitor, RuleShow, RuleChange, or Help or
	// Version of this package.
	Request any
}

// Help asks how to write a command.
type Help struct {
	Object string // "" for all, else link, address, route, neigh, monitor, filter, nat
	Kind   string // "ipvlan": of the words after "type ipvlan"
}

// Version asks for the version.
type Version struct{}

// object is one of ip's objects. Those without parse are ip's alone.
type object struct {
	name  string
	parse func(o *Options, s *scanner) (any, error)
}

// objects is in ip's order, which decides what an abbreviation means.
func objects() []object {
	return []object{
		{"address", parseAddress}, {"addrlabel", nil}, {"maddress", nil},
		{"route", parseRoute}, {"rule", nil},
		{"neighbor", parseNeighbour}, {"neighbour", parseNeighbour}, {"ntable", nil}, {"ntbl", nil},
		{"link", parseLink}, {"l2tp", nil}, {"fou", nil}, {"ila", nil}, {"macsec", nil},
		{"tunnel", nil}, {"tunl", nil}, {"tuntap", nil}, {"tap", nil}, {"token", nil},
		{"tcpmetrics", nil}, {"tcp_metrics", nil},
		{"monitor", parseMonitor},
		{"xfrm", nil}, {"mroute", nil}, {"mrule", nil}, {"netns", nil}, {"netconf", nil}, {"vrf", nil},
		{"sr", nil}, {"nexthop", nil}, {"mptcp", nil}, {"ioam", nil},
		{"help", func(*Options, *scanner) (any, error) { return Help{}, nil }},
		{"stats", nil},
		// Ours, last: no abbreviation of ip's changes its meaning.
		{"filter", parseRules(rules.TableFilter)}, {"nat", parseRules(rules.TableNAT)},
	}
}

// Parse reads an argument list without the program's name. Its errors are
// *[Error].
func Parse(args []string) (Command, error) {
	s, p := &scanner{args: args}, &optionParser{}
	if err := p.options(s); err != nil {
		return Command{}, err
	}
	switch {
	case p.version:
		return Command{Request: Version{}}, nil
	case p.help:
		return Command{Request: Help{}}, nil
	}
	name, ok := s.next()
	if !ok {
		return Command{}, syntax(ExitUsage, "%s", usageTop)
	}
	for _, o := range objects() {
		if !abbreviates(name, o.name) {
			continue
		}
		if o.parse == nil {
			return Command{}, unsupported(`object "` + o.name + `"`)
		}
		req, err := o.parse(&p.o, s)
		if err != nil {
			return Command{}, err
		}
		if _, help := req.(Help); help {
			return Command{Request: req}, nil
		}
		return Command{Options: p.o, Request: req}, nil
	}
	return Command{}, syntax(ExitSyntax, `Object "%s" is unknown, try "ipvl help".`, name)
}

// verb is one of an object's verbs, in ip's order.
type verb struct {
	name  string
	exact bool
	parse func(o *Options, s *scanner) (any, error) // nil: ip's alone
}

// pick finds the verb that the next argument means; none is the first given.
func pick(object string, verbs []verb, fallback func(*Options, *scanner) (any, error), o *Options, s *scanner,
	theirs func(o *Options, verb string, s *scanner) error) (any, error) {
	arg, ok := s.next()
	if !ok {
		return fallback(o, s)
	}
	for _, v := range verbs {
		if v.name != arg && (v.exact || !abbreviates(arg, v.name)) {
			continue
		}
		if v.parse == nil {
			return nil, theirs(o, v.name, s)
		}
		return v.parse(o, s)
	}
	return nil, syntax(ExitUsage, `Command "%s" is unknown, try "ipvl %s help".`, arg, object)
}

// helpOf is the verb help of an object.
func helpOf(object string) func(*Options, *scanner) (any, error) {
	return func(*Options, *scanner) (any, error) { return Help{Object: object}, nil }
}

// errHelp carries a request for help out of a walk.
type errHelp struct{ Help }

func (errHelp) Error() string { return "help" }

// orHelp makes a Help request of an errHelp.
func orHelp(req any, err error) (any, error) {
	if h, ok := err.(errHelp); ok {
		return h.Help, nil
	}
	if err != nil {
		return nil, err
	}
	return req, nil
}
