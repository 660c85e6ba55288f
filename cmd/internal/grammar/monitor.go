package grammar

import "github.com/ipvl/ipvl/cmd/internal/api"

type monitorWords struct {
	o       *Options
	objects [4]bool // in the order of monitorObjects
	dev     string
}

// monitorObjects are the objects, as they are named in api.Monitor.
var monitorObjects = [4]string{"link", "addr", "route", "neigh"}

func monitorTable() []word[*monitorWords] {
	object := func(name string, n int) word[*monitorWords] {
		return word[*monitorWords]{name: name, short: true, flag: true, take: func(w *monitorWords, _ string) error {
			w.objects[n] = true
			return nil
		}}
	}
	label := func(w *monitorWords, _ string) error { w.o.Label = true; return nil }
	theirs := func(name string, flag bool) word[*monitorWords] {
		return word[*monitorWords]{name: name, short: name != "stats", flag: flag, theirs: true, take: func(*monitorWords, string) error {
			return unsupported(`"` + name + `" of "monitor"`)
		}}
	}
	return []word[*monitorWords]{
		theirs("file", false),
		{name: "label", short: true, flag: true, take: label},
		object("link", 0), object("address", 1), object("route", 2),
		theirs("mroute", true), theirs("prefix", true),
		object("neigh", 3),
		theirs("netconf", true), theirs("rule", true), theirs("nsid", true), theirs("nexthop", true), theirs("stats", true),
		{name: "all", flag: true, take: label},
		theirs("all-nsid", true),
		{name: "help", short: true, flag: true, take: func(*monitorWords, string) error { return errHelp{Help{Object: "monitor"}} }},
		{name: "dev", take: func(w *monitorWords, v string) error {
			if v == "" {
				return invalid(v, "Device does not exist")
			}
			w.dev = v
			return nil
		}},
	}
}

func parseMonitor(o *Options, s *scanner) (any, error) {
	w := &monitorWords{o: o}
	err := walk(s, monitorTable(), w, func(arg string) error {
		return syntax(ExitUsage, `Argument "%s" is unknown, try "ipvl monitor help".`, arg)
	})
	r := api.Monitor{Scope: o.scope(), Dev: w.dev}
	for i, wanted := range w.objects {
		if wanted {
			r.Objects = append(r.Objects, monitorObjects[i])
		}
	}
	return orHelp(r, err)
}
