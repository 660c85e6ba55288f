package render_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ipvl/ipvl/cmd/internal/api"
	"github.com/ipvl/ipvl/cmd/internal/grammar"
	"github.com/ipvl/ipvl/cmd/internal/render"
)

// world is a namespace as an appliance would tell it.
type world struct {
	links  []api.Link
	routes []api.Route
	neighs []api.Neigh
}

// print runs a command as ipvl does: parsed, filtered, printed.
func (w world) print(t *testing.T, line string) string {
	t.Helper()
	c, err := grammar.Parse(strings.Fields(line))
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	var b strings.Builder
	switch r := c.Request.(type) {
	case api.LinkShow:
		err = render.Links(&b, c.Options.Options, r.Filter(w.links))
	case api.AddrShow:
		err = render.Addrs(&b, c.Options.Options, r, r.Filter(w.links))
	case api.RouteShow:
		err = render.Routes(&b, c.Options.Options, r, r.Filter(w.routes))
	case api.NeighShow:
		err = render.Neighs(&b, c.Options.Options, r, r.Filter(w.neighs))
	default:
		t.Fatalf("%s: %T", line, r)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func same(t *testing.T, line, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s\n got %q\nwant %q", line, got, want)
	}
}

func TestLinksAndAddresses(t *testing.T) {
	host, n1 := world{links: links(t, "host")}, world{links: links(t, "n1")}
	perm := world{links: plainLinks(t, "link.perm", "-j -d link show", "host")}
	for file, w := range map[string]world{"link.host": host, "addr.host": host, "linkfilter": host, "addrfilter": host,
		"link.n1": n1, "addr.n1": n1, "link.perm": perm} {
		for _, r := range recordings(t, file) {
			want, here := r.output, w
			if strings.HasPrefix(strings.TrimPrefix(r.line, "-j "), "-d") || strings.Contains(r.line, " -d ") {
				// Kinds of which ip prints data that an appliance does not have.
				here = world{links: slices.DeleteFunc(slices.Clone(w.links), func(l api.Link) bool { return foreign(l.Name) })}
				want = cut(t, want, foreign)
			}
			got := here.print(t, r.line)
			if strings.HasPrefix(r.line, "-6 ") {
				got, want = sparse.Replace(got), sparse.Replace(want)
			}
			same(t, file+": "+r.line, got, empty.ReplaceAllString(want, ""))
		}
	}
}

// empty is what ip leaves in a JSON list of what its filters drop. We leave nothing.
var empty = regexp.MustCompile(`\{\},|,\{\}|\{\}`)

// sparse takes out what the kernel leaves out of the links where only those of
// IPv6 are listed. We print the same line for each family.
var sparse = strings.NewReplacer(" qdisc noqueue", "", " qdisc noop", "", " group default", "", " group 5", "",
	"m0@if2: ", "m0: ", "m0@if2 ", "m0     ", " link-netns lan", "", "\n    altname spare0", "",
	`"qdisc":"noqueue",`, "", `"qdisc":"noop",`, "", `"group":"default",`, "", `"group":"5",`, "",
	`"link_index":2,`, "", `"link_netnsid":0,`, "", `"altnames":["spare0"],`, "")

func foreign(name string) bool {
	return slices.Contains([]string{"tun0", "br0", "e0", "vrf9", "ipv0"}, name)
}

var header = regexp.MustCompile(`(?m)^\d+: ([^:@ ]+)`)

// cut takes the links that drop names out of an output.
func cut(t *testing.T, output string, drop func(name string) bool) string {
	t.Helper()
	if strings.HasPrefix(output, "[") {
		return cutJSON(t, output, drop)
	}
	var b strings.Builder
	starts := append(header.FindAllStringSubmatchIndex(output, -1), []int{len(output)})
	for i := range len(starts) - 1 {
		if !drop(output[starts[i][2]:starts[i][3]]) {
			b.WriteString(output[starts[i][0]:starts[i+1][0]])
		}
	}
	return b.String()
}

func cutJSON(t *testing.T, output string, drop func(name string) bool) string {
	t.Helper()
	var all []json.RawMessage
	if err := json.Unmarshal([]byte(output), &all); err != nil {
		t.Fatal(err)
	}
	var kept []string
	for _, raw := range all {
		var l struct{ Ifname string }
		if err := json.Unmarshal(raw, &l); err != nil {
			t.Fatal(err)
		}
		if !drop(l.Ifname) {
			kept = append(kept, string(raw))
		}
	}
	if strings.HasPrefix(output, "[ ") {
		return "[ " + strings.Join(kept, ",") + " ]\n"
	}
	return "[" + strings.Join(kept, ",") + "]\n"
}

// A route of a source prefix has no place in api.Route; nor has the data of a
// nexthop object that -details adds.
var foreignRoute = regexp.MustCompile(`(?m)^.*fd40::/64 .*\n|^.*nhid 7 .*\n(\tnh_info .*\n)?|^.*nhid 7 .*\\?\tnh_info .*\n`)

func TestRoutes(t *testing.T) {
	all := routes(t)
	plain := slices.DeleteFunc(slices.Clone(all), func(r api.Route) bool { return r.Dst == "fd40::/64" || r.NHID != 0 })
	for _, file := range []string{"route.host", "routefilter"} {
		for _, r := range recordings(t, file) {
			if strings.Contains(r.line, "-j") {
				got := world{routes: all}.print(t, r.line)
				same(t, file+": "+r.line, stripped(t, got), stripped(t, r.output))
				continue
			}
			same(t, file+": "+r.line, world{routes: plain}.print(t, r.line), foreignRoute.ReplaceAllString(r.output, ""))
		}
	}
}

func decode(t *testing.T, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
}

// stripped is a JSON list without the routes that foreignRoute names.
func stripped(t *testing.T, output string) string {
	t.Helper()
	var all []json.RawMessage
	decode(t, output, &all)
	var kept []string
	for _, raw := range all {
		if s := string(raw); !strings.Contains(s, "fd40::") && !strings.Contains(s, `"nhid"`) {
			kept = append(kept, s)
		}
	}
	return strings.Join(kept, ",") + output[:2] + output[len(output)-3:]
}

func TestRouteGet(t *testing.T) {
	answers := map[string]api.Route{}
	file := recordings(t, "routeget")
	for _, r := range file {
		if target, ok := strings.CutPrefix(r.line, "-j -d route get "); ok {
			var out []ipRoute
			decode(t, r.output, &out)
			rt := routeOf(out[0])
			if len(out[0].Cache) > 0 || !strings.Contains(target, ":") {
				rt.Family = 4
			}
			answers[target] = rt
		}
	}
	for _, r := range file {
		options, target, _ := strings.Cut(r.line, "route get ")
		rt, ok := answers[target]
		if !ok {
			t.Fatalf("%s: no value", r.line)
		}
		if strings.Contains(r.output, "nhid") || strings.Contains(r.output, "from ::") || strings.Contains(r.output, `"from":"::"`) {
			continue // as for foreignRoute
		}
		c, err := grammar.Parse(append(strings.Fields(options), "route", "get", "10.0.0.1"))
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		if err := render.Route(&b, c.Options.Options, rt); err != nil {
			t.Fatal(err)
		}
		same(t, r.line, b.String(), r.output)
	}
}

func TestNeighbours(t *testing.T) {
	w := world{neighs: neighs(t)}
	for _, r := range recordings(t, "neigh.host") {
		same(t, r.line, w.print(t, r.line), r.output)
	}
}
