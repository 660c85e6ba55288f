package grammar

import (
	"math/bits"
	"slices"

	"github.com/ipvl/ipvl/cmd/internal/api"
)

func parseNeighbour(o *Options, s *scanner) (any, error) {
	verbs := []verb{
		{name: "add"}, {name: "change"}, {name: "chg", exact: true}, {name: "replace"}, {name: "delete"}, {name: "get"},
		{name: "show", parse: neighShow}, {name: "lst", parse: neighShow}, {name: "list", parse: neighShow},
		{name: "flush"},
		{name: "help", parse: helpOf("neigh")},
	}
	return pick("neigh", verbs, neighShow, o, s, func(_ *Options, verb string, _ *scanner) error {
		return refuse(`"neigh %s": the appliance resolves its next hops itself; "ipvl neigh show" shows them.`, verb)
	})
}

type neighWords struct {
	api.NeighShow
	devGiven bool
}

func neighTable() []word[*neighWords] {
	table := []word[*neighWords]{
		{name: "dev", take: func(w *neighWords, v string) error {
			if w.devGiven {
				return duplicate("dev", v)
			}
			if v == "" {
				return syntax(ExitSyntax, `Cannot find device ""`)
			}
			w.Dev, w.devGiven = v, true
			return nil
		}},
		{name: "nud", take: func(w *neighWords, v string) error {
			state, ok := neighState(v)
			if !ok {
				return invalid(v, "nud state is bad")
			}
			if !slices.Contains(w.States, state) {
				w.States = append(w.States, state)
			}
			return nil
		}},
	}
	for _, t := range []struct {
		name        string
		short, flag bool
	}{{"master", false, false}, {"vrf", false, false}, {"nomaster", false, true}, {"unused", false, true},
		{"proxy", false, true}, {"protocol", true, false}} {
		table = append(table, word[*neighWords]{name: t.name, short: t.short, flag: t.flag, theirs: true, take: func(*neighWords, string) error {
			return unsupported(`"` + t.name + `" of "neigh show"`)
		}})
	}
	return table
}

// neighStates are the NUD_* states in the order of their bits.
var neighStates = []string{"incomplete", "reachable", "stale", "delay", "probe", "failed", "noarp", "permanent"}

// neighState reads a state's name or number, and gives it in capitals.
func neighState(v string) (string, bool) {
	for _, short := range []string{"permanent", "reachable", "failed"} {
		if abbreviates(v, short) {
			return upper(short), true
		}
	}
	if v == "none" || v == "all" || slices.Contains(neighStates, v) {
		return upper(v), true
	}
	n, ok := unsigned(v)
	if !ok || n >= 0x100 || n&(n-1) != 0 {
		return "", false
	}
	if n == 0 {
		return "NONE", true
	}
	return upper(neighStates[bits.TrailingZeros32(n)]), true
}

func upper(s string) string {
	out := []byte(s)
	for i, c := range out {
		if 'a' <= c && c <= 'z' {
			out[i] = c - 'a' + 'A'
		}
	}
	return string(out)
}

func neighShow(o *Options, s *scanner) (any, error) {
	w := &neighWords{NeighShow: api.NeighShow{Scope: o.scope()}}
	err := walk(s, neighTable(), w, func(arg string) (err error) {
		if arg == "to" {
			if arg, err = s.value(); err != nil {
				return err
			}
		}
		if abbreviates(arg, "help") {
			return errHelp{Help{Object: "neigh"}}
		}
		d, err := parsePrefix(arg, w.Family)
		if err != nil {
			return err
		}
		w.Dst = ""
		if d.prefix.IsValid() {
			w.Dst = d.prefix.String()
			w.Family = familyOf(d)
		}
		return nil
	})
	return orHelp(w.NeighShow, err)
}
