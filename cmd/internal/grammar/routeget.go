package grammar

import "github.com/ipvl/ipvl/cmd/internal/api"

type getWords struct {
	api.RouteGet
	family int
}

func getTable() []word[*getWords] {
	table := []word[*getWords]{
		{name: "tos", take: takeGetTOS}, {name: "dsfield", short: true, take: takeGetTOS},
		{name: "from", short: true, take: func(w *getWords, v string) (err error) {
			w.Src, err = hostAddr(v, w.family)
			w.family = api.Family(w.Src)
			return err
		}},
		theirGetWord("iif", true, false),
		{name: "mark", short: true, take: func(w *getWords, v string) error {
			n, ok := unsigned(v)
			if !ok {
				return invalid(v, "invalid mark value")
			}
			w.Mark = n
			return nil
		}},
		{name: "oif", short: true, take: takeOIF}, {name: "dev", take: takeOIF},
	}
	for _, name := range []string{"notify", "connected"} {
		table = append(table, theirGetWord(name, true, true))
	}
	for _, name := range []string{"vrf", "uid"} {
		table = append(table, theirGetWord(name, true, false))
	}
	table = append(table, theirGetWord("fibmatch", true, true), theirGetWord("as", false, false))
	for _, name := range []string{"sport", "dport", "ipproto"} {
		table = append(table, theirGetWord(name, true, false))
	}
	return table
}

func theirGetWord(name string, short, flag bool) word[*getWords] {
	return word[*getWords]{name: name, short: short, flag: flag, theirs: true, take: func(*getWords, string) error {
		return unsupported(`"` + name + `" of "route get"`)
	}}
}

func takeGetTOS(w *getWords, v string) error {
	n, ok := api.DSFields.Number(v)
	if !ok {
		return invalid(v, "TOS value is invalid")
	}
	w.TOS = uint8(n)
	return nil
}

func takeOIF(w *getWords, v string) error {
	if v == "" {
		return syntax(ExitSyntax, `Cannot find device ""`)
	}
	w.OIF = v
	return nil
}

func routeGet(o *Options, s *scanner) (any, error) {
	w := &getWords{RouteGet: api.RouteGet{Scope: o.scope()}, family: o.Family}
	err := walk(s, getTable(), w, func(arg string) (err error) {
		if arg == "to" {
			if arg, err = s.value(); err != nil {
				return err
			}
		}
		if abbreviates(arg, "help") {
			return errHelp{Help{Object: "route"}}
		}
		if w.Dst.IsValid() {
			return garbage("to", arg)
		}
		w.Dst, err = hostAddr(arg, w.family)
		w.family = api.Family(w.Dst)
		return err
	})
	if err != nil {
		return orHelp(nil, err)
	}
	if !w.Dst.IsValid() {
		return nil, syntax(ExitSyntax, "need at least a destination address")
	}
	return w.RouteGet, nil
}
