package grammar

import (
	"net/netip"
	"strings"

	"github.com/ipvl/ipvl/cmd/internal/api"
)

// showWords is what the words of link show and addr show fill in. ip(8) reads
// both with one function.
type showWords struct {
	name     *string
	up       bool
	kind     string
	master   string
	noMaster bool
	group    *uint32

	ofAddr   string // the last word that only addr show has
	to       netip.Prefix
	scope    string
	label    string
	flags    uint32
	flagMask uint32
	family   int
}

func showTable() []word[*showWords] {
	return []word[*showWords]{
		{name: "to", take: func(w *showWords, v string) error {
			d, err := parsePrefix(v, w.family)
			w.to, w.ofAddr = d.prefix, "to"
			if w.family == 0 {
				w.family = familyOf(d)
			}
			return err
		}},
		{name: "scope", take: takeAddrScope},
		{name: "up", flag: true, take: func(w *showWords, _ string) error { w.up = true; return nil }},
		{name: "label", take: func(w *showWords, v string) error { w.label, w.ofAddr = v, "label"; return nil }},
		{name: "group", take: func(w *showWords, v string) error {
			g, ok := api.Groups.Number(v)
			if !ok {
				return invalid(v, `Invalid "group" value`)
			}
			w.group = &g
			return nil
		}},
		{name: "master", take: showMaster("Device does not exist")},
		{name: "vrf", take: showMaster("Not a valid VRF name")},
		{name: "nomaster", flag: true, take: func(w *showWords, _ string) error { w.noMaster, w.master = true, ""; return nil }},
		{name: "type", take: func(w *showWords, v string) error {
			if strings.HasSuffix(v, "_slave") {
				return unsupported(`type "` + v + `"`)
			}
			w.kind = v
			return nil
		}},
	}
}

func showMaster(why string) func(*showWords, string) error {
	return func(w *showWords, v string) error {
		if v == "" {
			return invalid(v, why)
		}
		w.master, w.noMaster = v, false
		return nil
	}
}

func takeAddrScope(w *showWords, v string) error {
	w.ofAddr, w.scope = "scope", ""
	if v == "all" {
		return nil
	}
	n, ok := api.Scopes.Number(v)
	if !ok {
		return invalid(v, `invalid "scope"`)
	}
	w.scope = api.Scopes.Name(n)
	return nil
}

func parseShow(object string, o *Options, s *scanner) (*showWords, error) {
	w := &showWords{family: o.Family}
	err := walk(s, showTable(), w, func(arg string) error {
		if w.takeFlag(arg) {
			return nil
		}
		if arg == "dev" {
			v, err := s.value()
			if err != nil {
				return err
			}
			arg = v
		} else if abbreviates(arg, "help") {
			return errHelp{Help{Object: object}}
		}
		if w.name != nil {
			return garbage("dev", arg)
		}
		if arg == "" {
			return syntax(ExitSyntax, `Device "" does not exist.`)
		}
		w.name = &arg
		return nil
	})
	return w, err
}

// addrFlags are the words for IFA_F_* bits.
var addrFlags = []struct {
	name string
	bit  uint32
}{
	{"secondary", 1 << 0}, {"temporary", 1 << 0}, {"nodad", 1 << 1}, {"optimistic", 1 << 2}, {"dadfailed", 1 << 3},
	{"home", 1 << 4}, {"deprecated", 1 << 5}, {"tentative", 1 << 6}, {"permanent", 1 << 7}, {"mngtmpaddr", 1 << 8},
	{"noprefixroute", 1 << 9}, {"autojoin", 1 << 10}, {"stable-privacy", 1 << 11},
}

// takeFlag reads FLAG or -FLAG, and tells if it is one.
func (w *showWords) takeFlag(arg string) bool {
	name, off := strings.CutPrefix(arg, "-")
	switch name {
	case "dynamic":
		name, off = "permanent", !off
	case "primary":
		name, off = "secondary", !off
	}
	for _, f := range addrFlags {
		if f.name != name {
			continue
		}
		w.ofAddr = name
		w.flagMask |= f.bit
		w.flags |= f.bit
		if off {
			w.flags &^= f.bit
		}
		return true
	}
	return false
}

func linkShow(o *Options, s *scanner) (any, error) {
	w, err := parseShow("link", o, s)
	if err != nil {
		return orHelp(nil, err)
	}
	if w.ofAddr != "" {
		return nil, refuse(`"%s" selects addresses; use "ipvl address show".`, w.ofAddr)
	}
	return api.LinkShow{Scope: o.scope(), Name: deref(w.name), Up: w.up, Kind: w.kind, Master: w.master,
		NoMaster: w.noMaster, Group: w.group}, nil
}

func parseAddress(o *Options, s *scanner) (any, error) {
	verbs := []verb{
		{name: "add"}, {name: "change"}, {name: "chg", exact: true}, {name: "replace"}, {name: "delete"},
		{name: "list", parse: addrShow}, {name: "show", parse: addrShow}, {name: "lst", parse: addrShow},
		{name: "flush"}, {name: "save"}, {name: "showdump"}, {name: "restore"},
		{name: "help", parse: helpOf("address")},
	}
	return pick("address", verbs, addrShow, o, s, func(o *Options, verb string, s *scanner) error {
		return refuse("ipvl follows the addresses that are set on a device's interface. Set them there: %s",
			theirLine(o, append([]string{"address", verb}, s.rest()...)))
	})
}

// theirLine is the same command for ip(8).
func theirLine(o *Options, args []string) string {
	line := []string{"ip"}
	if o.Netns != "" {
		line = append(line, "-n", o.Netns)
	}
	return shellLine(append(line, args...))
}

func addrShow(o *Options, s *scanner) (any, error) {
	w, err := parseShow("address", o, s)
	if err != nil {
		return orHelp(nil, err)
	}
	r := api.AddrShow{Scope: o.scope(), Name: deref(w.name), Up: w.up, Kind: w.kind, Master: w.master,
		NoMaster: w.noMaster, Group: w.group, To: w.to, AScope: w.scope, Label: w.label, Flags: w.flags, FlagMask: w.flagMask}
	r.Family = w.family
	return r, nil
}
