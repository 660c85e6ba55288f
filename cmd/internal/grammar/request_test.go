package grammar_test

import (
	"net/netip"
	"reflect"
	"testing"

	"github.com/ipvl/ipvl/cmd/internal/api"
	"github.com/ipvl/ipvl/cmd/internal/grammar"
	"github.com/ipvl/ipvl/cmd/internal/render"
)

func ptr[T any](v T) *T { return &v }

func TestRequests(t *testing.T) {
	for _, c := range []struct {
		line string
		want any
	}{
		{"link add link eth0 name v0 netns ns0 type ipvlan", api.LinkAdd{Master: "eth0", Name: "v0", TargetNetns: "ns0", Kind: "ipvlan"}},
		{"link add link eth0 type ipvlan mode l2", api.LinkAdd{Master: "eth0", Kind: "ipvlan", Mode: "l2", Flag: "bridge"}},
		{"link add link eth0 type ipvlan vepa", api.LinkAdd{Master: "eth0", Kind: "ipvlan", Flag: "vepa"}},
		{"-n ns0 link add link eth0 v0 mtu 1400 up address 2:0:0:0:0:1 type ipvlan",
			api.LinkAdd{Scope: api.Scope{Netns: "ns0"}, Master: "eth0", Name: "v0", MTU: 1400, Up: true, Address: "02:00:00:00:00:01", Kind: "ipvlan"}},
		{"link set v0 up mtu 1300 name v1", api.LinkSet{Name: "v0", Up: ptr(true), MTU: ptr(1300), NewName: ptr("v1")}},
		{"link set v0 down arp off nomaster", api.LinkSet{Name: "v0", Up: ptr(false), ARP: ptr(false), Master: ptr("")}},
		{"link set v0 type ipvlan", api.LinkSet{Name: "v0", Kind: "ipvlan"}},
		{"link set v0 type ipvlan mode l3s", api.LinkSet{Name: "v0", Kind: "ipvlan", Mode: "l3s", Flag: "bridge"}},
		{"link add link eth0 type ipvlan host on", api.LinkAdd{Master: "eth0", Kind: "ipvlan", Options: api.Options{Host: ptr(true)}}},
		{"link set v0 type ipvlan lookup full proxy on announce off guard on isolate off allow any", api.LinkSet{Name: "v0", Kind: "ipvlan",
			Options: api.Options{Lookup: ptr("full"), Proxy: ptr(true), Announce: ptr(false), Guard: ptr(true), Isolate: ptr(false), Allow: &[]netip.Prefix{}}}},
		{"link set v0 type ipvlan allow 10.0.0.5 fd00::/64 private", api.LinkSet{Name: "v0", Kind: "ipvlan", Flag: "private",
			Options: api.Options{Allow: &[]netip.Prefix{netip.MustParsePrefix("10.0.0.5/32"), netip.MustParsePrefix("fd00::/64")}}}},
		{"link del v0", api.LinkDel{Name: "v0"}},
		{"-d -s link show v0 up group 7", api.LinkShow{Scope: api.Scope{Details: true, Stats: true}, Name: "v0", Up: true, Group: ptr(uint32(7))}},
		{"addr show to 10.1.2.3/8 -tentative scope link", api.AddrShow{Scope: api.Scope{Family: 4},
			To: netip.MustParsePrefix("10.0.0.0/8"), AScope: "link", FlagMask: 0x40}},
		{"route", api.RouteShow{Scope: api.Scope{Family: 4}}},
		{"route show table all", api.RouteShow{Table: "all"}},
		{"-6 route show table 9 dev v0", api.RouteShow{Scope: api.Scope{Family: 6}, Table: "9", Dev: "v0"}},
		{"route show root fd00::/8", api.RouteShow{Scope: api.Scope{Family: 6}, Prefix: "fd00::/8", Match: "root"}},
		{"route get 10.0.0.1 from 10.0.0.2 tos 0x10 mark 0x20", api.RouteGet{Dst: netip.MustParseAddr("10.0.0.1"),
			Src: netip.MustParseAddr("10.0.0.2"), TOS: 16, Mark: 32}},
		{"neigh show 10.0.0.1 nud stale", api.NeighShow{Scope: api.Scope{Family: 4}, Dst: "10.0.0.1/32", States: []string{"STALE"}}},
		{"monitor n link dev v0", api.Monitor{Objects: []string{"link", "neigh"}, Dev: "v0"}},
		{"link help ipvlan", grammar.Help{Object: "link", Kind: "ipvlan"}},
		{"-V", grammar.Version{}},
	} {
		got, err := grammar.Parse(split(c.line))
		if err != nil || !reflect.DeepEqual(got.Request, c.want) {
			t.Errorf("%s\n got %#v, %v\nwant %#v", c.line, got.Request, err, c.want)
		}
	}
}

func TestOptions(t *testing.T) {
	got, err := grammar.Parse(split("-j -p -d -s -s -br -o -h -iec -N -ts -6 -n ns0 -S /x/y --color monitor all"))
	want := grammar.Options{Family: 6, Netns: "ns0", Socket: "/x/y", Options: render.Options{JSON: true, Pretty: true, Details: true,
		Stats: 2, Brief: true, Oneline: true, Human: true, IEC: true, Numeric: true, ShortStamp: true, Label: true}}
	if err != nil || got.Options != want {
		t.Errorf("got %+v, %v\nwant %+v", got.Options, err, want)
	}
}

func TestUsageNamesWhatItIsFor(t *testing.T) {
	seen := map[string]bool{}
	for _, line := range []string{"help", "link help", "link help ipvlan", "addr help", "route help", "neigh help", "monitor help", "filter help", "nat help"} {
		c, err := grammar.Parse(split(line))
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		text := grammar.Usage(c.Request.(grammar.Help))
		if seen[text] || len(text) < 80 || text[len(text)-1] != '\n' {
			t.Errorf("%s: %q", line, text)
		}
		seen[text] = true
	}
}
