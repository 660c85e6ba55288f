package grammar

import "github.com/ipvl/ipvl/cmd/internal/api"

func parseRoute(o *Options, s *scanner) (any, error) {
	verbs := []verb{
		{name: "add"}, {name: "change"}, {name: "chg", exact: true}, {name: "replace"}, {name: "prepend"},
		{name: "append"}, {name: "test"}, {name: "delete"},
		{name: "list", parse: routeShow}, {name: "show", parse: routeShow}, {name: "lst", parse: routeShow},
		{name: "get", parse: routeGet},
		{name: "flush"}, {name: "save"}, {name: "restore"}, {name: "showdump"},
		{name: "help", parse: helpOf("route")},
	}
	return pick("route", verbs, routeShow, o, s, func(o *Options, verb string, s *scanner) error {
		return refuse("ipvl mirrors the routes of the namespace that it runs in. Change them there: %s",
			theirLine(o, append([]string{"route", verb}, s.rest()...)))
	})
}

type routeWords struct {
	api.RouteShow
	dst destination
}

func routeTable(s *scanner) []word[*routeWords] {
	return []word[*routeWords]{
		{name: "table", short: true, take: takeTable},
		{name: "vrf", theirs: true, take: theirRouteWord("vrf")},
		{name: "cached", short: true, flag: true, theirs: true, take: theirRouteWord("cached")},
		{name: "cloned", short: true, flag: true, theirs: true, take: theirRouteWord("cloned")},
		{name: "tos", take: takeTOS}, {name: "dsfield", short: true, take: takeTOS},
		{name: "protocol", short: true, take: func(w *routeWords, v string) error {
			return takeRouteName(&w.Protocol, api.Protocols, v, `invalid "protocol"`)
		}},
		{name: "scope", short: true, take: func(w *routeWords, v string) error {
			return takeRouteName(&w.RScope, api.Scopes, v, `invalid "scope"`)
		}},
		{name: "type", short: true, take: func(w *routeWords, v string) error {
			return takeRouteName(&w.Type, api.RouteTypes, v, "node type value is invalid")
		}},
		{name: "dev", take: takeRouteDev}, {name: "oif", take: takeRouteDev},
		{name: "iif", theirs: true, take: theirRouteWord("iif")}, {name: "mark", theirs: true, take: theirRouteWord("mark")},
		{name: "metric", short: true, take: takeMetric}, {name: "priority", short: true, take: takeMetric},
		{name: "preference", take: takeMetric},
		{name: "via", take: func(w *routeWords, v string) error {
			family := map[string]int{"inet": 4, "inet6": 6}[v]
			if family != 0 {
				var err error
				if v, err = s.value(); err != nil {
					return err
				}
			} else {
				family = w.Family
			}
			return takePrefix(&w.Via, v, family)
		}},
		{name: "src", take: func(w *routeWords, v string) error { return takePrefix(&w.PrefSrc, v, w.Family) }},
		{name: "realms", short: true, theirs: true, take: theirRouteWord("realms")},
		{name: "from", short: true, theirs: true, take: theirRouteWord("from")},
	}
}

func theirRouteWord(name string) func(*routeWords, string) error {
	return func(*routeWords, string) error { return unsupported(`"` + name + `" of "route show"`) }
}

func takeRouteDev(w *routeWords, v string) error {
	if v == "" {
		return syntax(ExitSyntax, `Cannot find device ""`)
	}
	w.Dev = v
	return nil
}

func takeTable(w *routeWords, v string) error {
	if v == "all" {
		w.Table = "all"
		return nil
	}
	if v == "cache" {
		return unsupported(`"table cache"`)
	}
	n, ok := api.Tables.Number(v)
	switch {
	case !ok:
		return invalid(v, "table id value is invalid")
	case n == 0:
		w.Table = "all" // RT_TABLE_UNSPEC
	default:
		w.Table = api.Tables.Name(n)
	}
	if w.Table == "main" {
		w.Table = ""
	}
	return nil
}

func takeTOS(w *routeWords, v string) error {
	n, ok := api.DSFields.Number(v)
	if !ok {
		return invalid(v, "TOS value is invalid")
	}
	tos := uint8(n)
	w.TOS = &tos
	return nil
}

func takeMetric(w *routeWords, v string) error {
	n, ok := unsigned(v)
	if !ok {
		return invalid(v, `"metric" value is invalid`)
	}
	w.Metric = &n
	return nil
}

func takeRouteName(into *string, space api.Names, v, why string) error {
	*into = ""
	if n, ok := space.Number(v); ok {
		*into = space.Name(n)
		return nil
	}
	if v == "all" && space != api.RouteTypes {
		return nil
	}
	return invalid(v, why)
}

func takePrefix(into *string, v string, family int) error {
	d, err := parsePrefix(v, family)
	*into = ""
	if d.prefix.IsValid() {
		*into = d.prefix.String()
	}
	return err
}

func routeShow(o *Options, s *scanner) (any, error) {
	w := &routeWords{RouteShow: api.RouteShow{Scope: o.scope()}}
	err := walk(s, routeTable(s), w, func(arg string) error { return w.takeDst(s, arg) })
	if err != nil {
		return orHelp(nil, err)
	}
	w.Prefix = w.dst.text()
	if w.Prefix == "" {
		w.Match = ""
	}
	if w.Family == 0 {
		w.Family = familyOf(w.dst)
	}
	if w.Family == 0 && w.Table != "all" {
		w.Family = 4
	}
	return w.RouteShow, nil
}

// takeDst reads [to] [root | match | exact] PREFIX.
func (w *routeWords) takeDst(s *scanner, arg string) (err error) {
	if abbreviates(arg, "to") {
		if arg, err = s.value(); err != nil {
			return err
		}
	}
	if abbreviates(arg, "help") {
		return errHelp{Help{Object: "route"}}
	}
	w.Match = ""
	for _, m := range []string{"root", "match", "exact"} {
		if !abbreviates(arg, m) {
			continue
		}
		if arg, err = s.value(); err != nil {
			return err
		}
		if m != "exact" {
			w.Match = m
		}
		break
	}
	w.dst, err = parsePrefix(arg, w.Family)
	return err
}
