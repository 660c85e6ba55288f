package grammar

import (
	"slices"

	"github.com/ipvl/ipvl/cmd/internal/api"
)

func parseLink(o *Options, s *scanner) (any, error) {
	verbs := []verb{
		{name: "add", parse: linkAdd},
		{name: "set", parse: linkSet}, {name: "change", parse: linkSet},
		{name: "replace"},
		{name: "delete", parse: linkDelete},
		{name: "show", parse: linkShow}, {name: "lst", parse: linkShow}, {name: "list", parse: linkShow},
		{name: "xstats"}, {name: "afstats"}, {name: "property"},
		{name: "help", parse: linkHelp},
	}
	return pick("link", verbs, linkShow, o, s, func(_ *Options, verb string, _ *scanner) error {
		return unsupported(`"link ` + verb + `"`)
	})
}

func linkHelp(_ *Options, s *scanner) (any, error) {
	if kind, ok := s.next(); ok && kind == "ipvlan" {
		return Help{Object: "link", Kind: kind}, nil
	}
	return Help{Object: "link"}, nil
}

// linkWords is what the words of link add, set and delete fill in; nil is not given.
type linkWords struct {
	name, dev, link       *string
	address, broadcast    *string
	mtu, index, txqlen    *int
	numTx, numRx          *int
	netns, alias, genMode *string
	up, arp, multicast    *bool
	allMulticast, promisc *bool
	master                *string // "": nomaster
	kind                  *string
	devIsName             bool // dev was only implied by name
	kindArgs              []string
	setOnly, addOnly      string // the last word of each sort, for refusals
}

// parseLinkWords reads what follows the verb, up to the words of the type.
func parseLinkWords(s *scanner) (*linkWords, error) {
	w := &linkWords{}
	words := append(linkWordTable(), word[*linkWords]{name: "type", short: true, take: func(w *linkWords, v string) error {
		w.kind, w.kindArgs = &v, s.rest()
		return nil
	}})
	err := walk(s, words, w, func(arg string) error {
		if abbreviates(arg, "help") {
			return errHelp{Help{Object: "link"}}
		}
		if arg == "dev" {
			v, err := s.value()
			if err != nil {
				return err
			}
			arg = v
		}
		return w.takeDev(arg)
	})
	if err != nil {
		return nil, err
	}
	if w.name == nil {
		w.name = w.dev
	}
	return w, nil
}

func (w *linkWords) takeDev(arg string) error {
	if w.dev != nil && !w.devIsName {
		if slices.Contains(optionWords(), arg) {
			return syntax(ExitUsage, `Error: "%s" is a word of the type: write "type ipvlan %s ...".`, arg, arg)
		}
		return garbage("dev", arg)
	}
	if !validAltName(arg) {
		return invalid(arg, `"dev" not a valid ifname`)
	}
	w.dev, w.devIsName = &arg, false
	return nil
}

func (w *linkWords) takeName(arg string) error {
	if w.name != nil {
		return duplicate("name", arg)
	}
	if !validName(arg) {
		return invalid(arg, `"name" not a valid ifname`)
	}
	w.name = &arg
	if w.dev == nil {
		w.dev, w.devIsName = &arg, true
	}
	return nil
}

func linkAdd(o *Options, s *scanner) (any, error) {
	w, err := parseLinkWords(s)
	if err != nil {
		return orHelp(nil, err)
	}
	if err := w.checkAdd(); err != nil {
		return nil, err
	}
	kind, err := parseKind(w.kindArgs)
	if err != nil {
		return nil, err
	}
	if w.link != nil && *w.link == "" {
		return nil, syntax(ExitSyntax, `Cannot find device ""`)
	}
	if w.link == nil {
		return nil, refuse(`type ipvlan needs a master: say which by "link DEVICE".`)
	}
	r := api.LinkAdd{Scope: o.scope(), Master: *w.link, Kind: *w.kind, Mode: kind.mode, Flag: kind.flag, Options: kind.options,
		Name: deref(w.name), TargetNetns: deref(w.netns), Address: deref(w.address), Broadcast: deref(w.broadcast),
		MTU: deref(w.mtu), Index: deref(w.index), TxQLen: deref(w.txqlen), NumTxQueues: deref(w.numTx),
		NumRxQueues: deref(w.numRx), Up: deref(w.up)}
	return r, nil
}

func (w *linkWords) checkAdd() error {
	switch {
	case w.name != nil && *w.name != *w.dev:
		return syntax(ExitUsage, `both "name" and "dev" cannot be used when creating devices.`)
	case w.name != nil && !validName(*w.name):
		return invalid(*w.name, `"dev" not a valid ifname`)
	case w.kind == nil:
		return syntax(ExitSyntax, `Not enough information: "type" argument is required`)
	case *w.kind != "ipvlan":
		return foreignKind(*w.kind)
	case ethernet(w.address) != nil, ethernet(w.broadcast) != nil: // ip leaves it to the kernel here
		return syntax(ExitRefused, "RTNETLINK answers: Invalid argument")
	case w.setOnly != "":
		return refuse(`"%s" is not for "link add" here; use "ipvl link set" once the device is there.`, w.setOnly)
	}
	for _, n := range []struct {
		value *int
		text  string
	}{
		{w.mtu, "mtu less than device minimum."},
		{w.numTx, "Invalid number of transmit queues."},
		{w.numRx, "Invalid number of receive queues."},
		{w.txqlen, `"txqueuelen" of 0 or less is not for "link add" here; use "ipvl link set" once the device is there.`},
	} {
		if n.value != nil && *n.value <= 0 {
			return refuse("%s", n.text)
		}
	}
	return nil
}

func foreignKind(kind string) error {
	return refuse(`Unknown device type "%s": the appliance makes ipvlan and nothing else; use ip(8).`, kind)
}

func linkDelete(o *Options, s *scanner) (any, error) {
	w, err := parseLinkWords(s)
	if err != nil {
		return orHelp(nil, err)
	}
	if err := w.checkExisting(); err != nil {
		return nil, err
	}
	if used := w.setOnly + w.addOnly; used != "" {
		return nil, refuse(`"%s" is not for "link delete".`, used)
	}
	kind, err := parseKind(w.kindArgs)
	if err != nil {
		return nil, err
	}
	if kind.ours != "" {
		return nil, refuse(`"%s" is not for "link delete".`, kind.ours)
	}
	return api.LinkDel{Scope: o.scope(), Name: *w.dev, Kind: deref(w.kind)}, nil
}

// checkExisting is for the verbs that name a device which is there.
func (w *linkWords) checkExisting() error {
	if w.dev == nil {
		return syntax(ExitUsage, `Not enough information: "dev" argument is required.`)
	}
	if err := ethernet(w.address); err != nil {
		return err
	}
	if w.kind != nil && *w.kind != "ipvlan" {
		return foreignKind(*w.kind)
	}
	return nil
}

func deref[T any](p *T) (zero T) {
	if p == nil {
		return zero
	}
	return *p
}
