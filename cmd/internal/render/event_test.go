package render_test

import (
	"encoding/json"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ipvl/ipvl/cmd/internal/api"
	"github.com/ipvl/ipvl/cmd/internal/grammar"
	"github.com/ipvl/ipvl/cmd/internal/render"
)

// story is what happened while monitor was recorded: a device q is made, brought
// up, given addresses and routes, and deleted.
func story() []api.Event {
	netns := 0
	master := api.Link{Index: 2, Name: "m0", Kind: "veth", LinkType: "ether", Flags: 0x11043, MTU: 1500, Qdisc: "noqueue",
		OperState: "UP", Address: "02:aa:bb:cc:dd:77", Broadcast: "ff:ff:ff:ff:ff:ff", ParentIndex: 2, ParentNetnsID: &netns, ParentNetns: "lan"}
	master = sized(master)
	fresh := sized(api.Link{Index: 12, Name: "q", Kind: "ipvlan", LinkType: "ether", Flags: 0x1002, MTU: 1500, Qdisc: "noop",
		OperState: "DOWN", Address: master.Address, Broadcast: master.Broadcast, Parent: "m0", ParentIndex: 2, Mode: "l3", Flag: "bridge"})
	up := fresh
	up.Flags, up.Qdisc, up.OperState = 0x110c3, "noqueue", "UNKNOWN"
	named := up
	named.Alias = "hoho"
	down := named
	down.Flags, down.OperState = 0x1082, "DOWN"
	gone := down
	gone.Qdisc = "noop"

	v4 := addrEvent("10.5.0.1/24", "", "q")
	v6 := addrEvent("fd05::1/64", "", "")
	p2p := addrEvent("192.0.2.10/32", "192.0.2.11/32", "q")
	mcast := routeEvent(api.Route{Type: "multicast", Dst: "ff00::/8", Table: 255, Metric: 256, Family: 6, Pref: "medium"}, "")
	local4 := routeEvent(api.Route{Type: "local", Dst: "10.5.0.1", Table: 255, Scope: "host", PrefSrc: addr("10.5.0.1"), Family: 4}, "")
	net4 := routeEvent(api.Route{Dst: "10.5.0.0/24", Scope: "link", PrefSrc: addr("10.5.0.1"), Family: 4}, "")
	brd4 := routeEvent(api.Route{Type: "broadcast", Dst: "10.5.0.255", Table: 255, Scope: "link", PrefSrc: addr("10.5.0.1"), Family: 4}, "")
	net6 := routeEvent(api.Route{Dst: "fd05::/64", Metric: 256, Family: 6, Pref: "medium"}, "")
	local6 := routeEvent(api.Route{Type: "local", Dst: "fd05::1", Table: 255, Family: 6, Pref: "medium"}, "")
	localP := routeEvent(api.Route{Type: "local", Dst: "192.0.2.10", Table: 255, Scope: "host", PrefSrc: addr("192.0.2.10"), Family: 4}, "")
	peer := routeEvent(api.Route{Dst: "192.0.2.11", Scope: "link", PrefSrc: addr("192.0.2.10"), Family: 4}, "")
	via := routeEvent(api.Route{Dst: "10.6.0.0/16", Protocol: "boot", Family: 4}, "10.5.0.9")
	multi := api.Event{Route: &api.Route{Type: "unicast", Dst: "10.6.1.0/24", Table: 254, Protocol: "boot", Family: 4,
		NextHops: []api.NextHop{{Via: addr("10.5.0.8"), Dev: "q"}, {Via: addr("10.5.0.9"), Dev: "q"}}}}
	perm := api.Event{Neigh: &api.Neigh{Dst: addr("10.5.0.9"), Dev: "q", LLAddr: "02:00:00:00:00:77", State: "PERMANENT", Stats: &api.NeighStats{Refs: 1}}}
	failed := api.Event{Neigh: &api.Neigh{Dst: addr("10.5.0.9"), Dev: "q", State: "FAILED", Stats: &api.NeighStats{Refs: 1}}}
	forgotten := api.Event{Deleted: true, Neigh: &api.Neigh{Dst: addr("10.5.0.9"), Dev: "q", State: "FAILED", Stats: &api.NeighStats{}}}

	return []api.Event{{Link: &master}, {Link: &fresh}, {Link: &up}, mcast, v4, local4, net4, brd4, net6, v6, local6, p2p, localP, peer,
		via, multi, perm, failed, forgotten, over(v4), over(net4), over(brd4), over(local4), {Link: &named}, {Link: &master}, {Link: &down},
		over(net6), over(local6), over(mcast), over(v6), over(p2p), over(localP), {Deleted: true, Link: &gone}}
}

func sized(l api.Link) api.Link {
	l.MinMTU, l.MaxMTU, l.NumTxQueues = 68, 65535, 1
	l.GSOMaxSize, l.GSOMaxSegs, l.TSOMaxSize, l.TSOMaxSegs, l.GROMaxSize = 65536, 65535, 524280, 65535, 65536
	l.TxQLen = 1000 // not shown by monitor
	return l
}

func addrEvent(prefix, peer, label string) api.Event {
	a := api.Addr{Prefix: netip.MustParsePrefix(prefix), Scope: "global", Flags: 0x80, Label: label, Valid: 1<<32 - 1, Preferred: 1<<32 - 1}
	if a.Prefix.Addr().Is6() {
		a.Flags |= 2
	}
	if peer != "" {
		a.Peer = netip.MustParsePrefix(peer)
	}
	return api.Event{Addr: &api.Link{Index: 12, Name: "q", Addrs: []api.Addr{a}}}
}

func routeEvent(r api.Route, via string) api.Event {
	if r.Type == "" {
		r.Type = "unicast"
	}
	if r.Table == 0 {
		r.Table = 254
	}
	if r.Protocol == "" {
		r.Protocol = "kernel"
	}
	r.NextHops = []api.NextHop{{Dev: "q", Via: addr(via)}}
	return api.Event{Route: &r}
}

func over(e api.Event) api.Event {
	e.Deleted = true
	return e
}

// What differs from one recording to the next.
var (
	qIndex = regexp.MustCompile(`(?m)(^|\]|Deleted )\d+: q`)
	stamp  = regexp.MustCompile(`(?m)^\[20[^ ]*\] |^Timestamp: .*$`)
)

// wanted tells if the recorded command asked for an event.
func wanted(m api.Monitor, e api.Event) bool {
	kind := map[bool]string{e.Link != nil: "link", e.Addr != nil: "addr", e.Route != nil: "route", e.Neigh != nil: "neigh"}[true]
	six := e.Link != nil || (e.Route != nil && e.Route.Family == 6) || (e.Addr != nil && e.Addr.Addrs[0].Prefix.Addr().Is6())
	return (len(m.Objects) == 0 || strings.Contains(strings.Join(m.Objects, " "), kind)) && (m.Family != 6 || six)
}

func TestMonitor(t *testing.T) {
	now := time.Date(2026, 11, 23, 16, 4, 7, 906197000, time.UTC)
	for _, r := range recordings(t, "monitor") {
		c, err := grammar.Parse(strings.Fields(r.line))
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		for _, e := range story() {
			if !wanted(c.Request.(api.Monitor), e) {
				continue
			}
			if err := render.Event(&b, c.Options.Options, e, now); err != nil {
				t.Fatal(err)
			}
		}
		clean := func(s string) string { return stamp.ReplaceAllString(qIndex.ReplaceAllString(s, "${1}12: q"), "@") }
		// Stories that were cut off by the recorder's clock end early.
		got, want := clean(b.String()), clean(r.output)
		if len(want) < len(got)/2 || !strings.HasPrefix(got, want) {
			t.Errorf("%s\n got %q\nwant %q", r.line, got, want)
		}
	}
}

func TestMonitorStamps(t *testing.T) {
	now := time.Date(2026, 11, 3, 16, 4, 7, 1906000, time.UTC)
	e := api.Event{Neigh: &api.Neigh{Dst: addr("10.0.0.1"), Dev: "v0", State: "STALE"}}
	for _, c := range []struct {
		o    render.Options
		want string
	}{
		{render.Options{ShortStamp: true, Label: true}, "[2026-11-03T16:04:07.001906] [NEIGH]10.0.0.1 dev v0 STALE \n"},
		{render.Options{Timestamp: true}, "Timestamp: Tue Nov  3 16:04:07 2026 1906 usec\n10.0.0.1 dev v0 STALE \n"},
		{render.Options{JSON: true, Timestamp: true, Pretty: true}, `{"event":"neigh","timestamp":"2026-11-03T16:04:07.001906","dst":"10.0.0.1","dev":"v0","state":["STALE"]}` + "\n"},
		{render.Options{Brief: true}, "10.0.0.1                                v0               \n"},
	} {
		var b strings.Builder
		if err := render.Event(&b, c.o, e, now); err != nil || b.String() != c.want {
			t.Errorf("%+v\n got %q, %v\nwant %q", c.o, b.String(), err, c.want)
		}
	}
	var b strings.Builder
	if err := render.Event(&b, render.Options{}, api.Event{}, now); err != nil || b.Len() != 0 {
		t.Errorf("the zero event prints %q, %v", b.String(), err)
	}
}

func TestMonitorJSONIsALineAnEvent(t *testing.T) {
	var b strings.Builder
	for _, e := range story() {
		if err := render.Event(&b, render.Options{JSON: true, Details: true}, e, time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	if len(lines) != len(story()) {
		t.Fatalf("%d lines for %d events", len(lines), len(story()))
	}
	for _, l := range lines {
		var v struct{ Event string }
		if err := json.Unmarshal([]byte(l), &v); err != nil || v.Event == "" {
			t.Errorf("%q: %v", l, err)
		}
	}
}
