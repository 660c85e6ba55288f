package render_test

import (
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/ipvl/ipvl/cmd/internal/api"
	"github.com/ipvl/ipvl/cmd/internal/render"
)

// device is one of the appliance's, as it stands in its workload's namespace.
func device() api.Link {
	id := 3
	return api.Link{Index: 5, Name: "s1", Kind: "ipvlan", LinkType: "ether", Flags: 0x110c3, MTU: 1500, Qdisc: "noqueue",
		OperState: "UNKNOWN", TxQLen: 1000, Address: "02:aa:bb:cc:dd:01", Broadcast: "ff:ff:ff:ff:ff:ff",
		ParentIndex: 2, ParentNetnsID: &id, MinMTU: 68, MaxMTU: 65535, AddrGenMode: "eui64", NumTxQueues: 1, NumRxQueues: 1,
		GSOMaxSize: 65536, GSOMaxSegs: 65535, Mode: "l3s", Flag: "vepa",
		DevID: 7, Backend: "tap", IO: "uring", Drops: map[string]uint64{"private": 2, "no-route": 30}}
}

func links1(t *testing.T, o render.Options, l api.Link) string {
	t.Helper()
	var b strings.Builder
	if err := render.Links(&b, o, []api.Link{l}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestWhatOnlyTheApplianceKnowsComesLast(t *testing.T) {
	const head = `5: s1@if2: <BROADCAST,MULTICAST,NOARP,UP,LOWER_UP> mtu 1500 qdisc noqueue state UNKNOWN mode DEFAULT group default qlen 1000
    link/ether 02:aa:bb:cc:dd:01 brd ff:ff:ff:ff:ff:ff link-netnsid 3`
	same(t, "without -d", links1(t, render.Options{}, device()), head+"\n")
	same(t, "-d", links1(t, render.Options{Details: true}, device()), head+` promiscuity 0  allmulti 0 minmtu 68 maxmtu 65535 
    ipvlan  mode l3s vepa addrgenmode eui64 numtxqueues 1 numrxqueues 1 gso_max_size 65536 gso_max_segs 65535 
    ipvl backend tap io uring dev_id 7 drops no-route 30 private 2 
`)
	same(t, "-d -j", links1(t, render.Options{Details: true, JSON: true}, device()),
		`[{"ifindex":5,"link_index":2,"ifname":"s1","flags":["BROADCAST","MULTICAST","NOARP","UP","LOWER_UP"],"mtu":1500,"qdisc":"noqueue",`+
			`"operstate":"UNKNOWN","linkmode":"DEFAULT","group":"default","txqlen":1000,"link_type":"ether","address":"02:aa:bb:cc:dd:01",`+
			`"broadcast":"ff:ff:ff:ff:ff:ff","link_netnsid":3,"promiscuity":0,"allmulti":0,"min_mtu":68,"max_mtu":65535,`+
			`"linkinfo":{"info_kind":"ipvlan","info_data":{"mode":"l3s","vepa":true}},"inet6_addr_gen_mode":"eui64","num_tx_queues":1,`+
			`"num_rx_queues":1,"gso_max_size":65536,"gso_max_segs":65535,"ipvl":{"backend":"tap","io":"uring","dev_id":7,"drops":{"no-route":30,"private":2}}}]`+"\n")
}

func ptr[T any](v T) *T { return &v }

func TestOptionsAreSaidWhereTheyDifferFromTheKernel(t *testing.T) {
	yes, no := ptr(true), ptr(false)
	plain := api.Options{Lookup: ptr("kernel"), Proxy: no, Announce: no, Guard: no, Host: no, Isolate: no, Allow: &[]netip.Prefix{}}
	list := &[]netip.Prefix{netip.MustParsePrefix("10.0.0.5/32"), netip.MustParsePrefix("fd00::/64")}
	for _, c := range []struct {
		o          api.Options
		text, json string
	}{
		{api.Options{}, "", ""},
		{plain, "", ""},
		{api.Options{Lookup: ptr("full"), Allow: list}, "lookup full allow 10.0.0.5 fd00::/64 ", `,"lookup":"full","allow":["10.0.0.5","fd00::/64"]`},
		{api.Options{Proxy: yes, Announce: yes, Guard: yes, Host: yes, Isolate: yes}, "proxy on announce on guard on host on isolate on ",
			`,"proxy":true,"announce":true,"guard":true,"host":true,"isolate":true`},
	} {
		l := device()
		l.Options = &c.o
		want := "\n    ipvlan  mode l3s vepa " + c.text + "addrgenmode "
		if got := links1(t, render.Options{Details: true}, l); !strings.Contains(got, want) {
			t.Errorf("%q lacks %q", got, want)
		}
		want = `"info_data":{"mode":"l3s","vepa":true` + c.json + "}}"
		if got := links1(t, render.Options{Details: true, JSON: true}, l); !strings.Contains(got, want) {
			t.Errorf("%q lacks %q", got, want)
		}
		same(t, "without -d", links1(t, render.Options{}, l), links1(t, render.Options{}, device()))
	}
}

func TestRefusedAddress(t *testing.T) {
	l := device()
	l.Addrs = []api.Addr{{Prefix: netip.MustParsePrefix("10.0.0.1/24"), Flags: 0x80, Label: "s1", Valid: 1<<32 - 1, Preferred: 1<<32 - 1, Refused: true}}
	for _, c := range []struct {
		o    render.Options
		want string
	}{
		{render.Options{Oneline: true}, "5: s1    inet 10.0.0.1/24 scope global s1\\       valid_lft forever preferred_lft forever\n"},
		{render.Options{Oneline: true, Details: true}, "5: s1    inet 10.0.0.1/24 scope global s1\\       valid_lft forever preferred_lft forever\\       ipvl refused: another device of the master has this address\n"},
	} {
		var b strings.Builder
		if err := render.Addrs(&b, c.o, api.AddrShow{}, []api.Link{l}); err != nil {
			t.Fatal(err)
		}
		same(t, "addr show", b.String(), c.want)
	}
}

func TestParents(t *testing.T) {
	unknown := -1
	for _, c := range []struct {
		l          api.Link
		text, json string
	}{
		{api.Link{Parent: "m0", ParentIndex: 2}, "x@m0: ", `"link":"m0","ifname":"x"`},
		{api.Link{ParentIndex: 2}, "x@if2: ", `"link":"if2","ifname":"x"`},
		{api.Link{Parent: "NONE"}, "x@NONE: ", `"link":null,"ifname":"x"`},
		{api.Link{ParentIndex: 2, ParentNetnsID: &unknown}, "x@if2: ", `"link_index":2,"ifname":"x"`},
		{api.Link{ParentIndex: 2, ParentNetns: "n"}, "x@if2: ", `"link_index":2,"ifname":"x"`},
		{api.Link{}, "x: ", `"ifindex":0,"ifname":"x"`},
	} {
		c.l.Name = "x"
		if got := links1(t, render.Options{}, c.l); !strings.Contains(got, " "+c.text) {
			t.Errorf("%q lacks %q", got, c.text)
		}
		if got := links1(t, render.Options{JSON: true}, c.l); !strings.Contains(got, c.json) {
			t.Errorf("%q lacks %q", got, c.json)
		}
	}
	if got := links1(t, render.Options{}, api.Link{ParentIndex: 2, ParentNetnsID: &unknown}); !strings.Contains(got, " link-netnsid unknown\n") {
		t.Errorf("%q", got)
	}
}

func TestTemporaryAddress(t *testing.T) {
	l := api.Link{Index: 5, Name: "s1", Addrs: []api.Addr{{Prefix: netip.MustParsePrefix("fd00::1/64"), Flags: 1, Valid: 100, Preferred: 50, Metric: 7}}}
	var b strings.Builder
	if err := render.Addrs(&b, render.Options{Oneline: true}, api.AddrShow{}, []api.Link{l}); err != nil {
		t.Fatal(err)
	}
	same(t, "addr show", b.String(), "5: s1    inet6 fd00::1/64 metric 7 scope global temporary dynamic \\       valid_lft 100sec preferred_lft 50sec\n")
}

// The widths that no recording has: large counters, compressed packets.
func TestWideCounters(t *testing.T) {
	l := api.Link{Stats: &api.LinkStats{RxBytes: 123456789012, RxPackets: 12345678, RxCompressed: 5, RxNoHandler: 4, RxOtherHost: 3, TxBytes: 1}}
	_, got, _ := strings.Cut(links1(t, render.Options{Stats: 2}, l), "link/ \n")
	same(t, "-s -s", got, ""+
		"    RX:    bytes  packets errors dropped  missed   mcast compressed\n"+
		"    123456789012 12345678      0       0       0       0          5 \n"+
		"    RX errors:     length    crc   frame    fifo overrun  nohandler otherhost\n"+
		"                        0      0       0       0       0          4         3 \n"+
		"    TX:    bytes  packets errors dropped carrier collsns           \n"+
		"               1        0      0       0       0       0 \n"+
		"    TX errors:    aborted   fifo  window heartbt transns\n"+
		"                        0      0       0       0       0 \n")
}

func TestHumanCounters(t *testing.T) {
	for _, c := range []struct {
		n        uint64
		si, binc string
	}{
		{999, "999", "999"}, {1000, "1.00k", "1000"}, {1024, "1.02k", "1.00ki"}, {12345, "12.3k", "12.1ki"}, {123456, "123k", "121ki"},
		{6145410, "6.15M", "5.86Mi"}, {1<<64 - 1, "18.4E", "16.0Ei"},
	} {
		l := api.Link{Stats: &api.LinkStats{RxBytes: c.n}}
		if got := links1(t, render.Options{Stats: 1, Human: true}, l); !strings.Contains(got, " "+c.si+" ") {
			t.Errorf("%d: %q lacks %q", c.n, got, c.si)
		}
		if got := links1(t, render.Options{Stats: 1, Human: true, IEC: true}, l); !strings.Contains(got, " "+c.binc+" ") {
			t.Errorf("%d: %q lacks %q", c.n, got, c.binc)
		}
	}
}

func TestNeighbourStatistics(t *testing.T) {
	n := []api.Neigh{{Dst: addr("fd00::9"), Dev: "m0", LLAddr: "02:00:00:00:00:09", Router: true, State: "STALE",
		Stats: &api.NeighStats{Refs: 2, Used: 93, Confirmed: 153, Updated: 93, Probes: 1}}}
	var b strings.Builder
	if err := render.Neighs(&b, render.Options{Stats: 1}, api.NeighShow{}, n); err != nil {
		t.Fatal(err)
	}
	same(t, "-s neigh", b.String(), "fd00::9 dev m0 lladdr 02:00:00:00:00:09 router  ref 2 used 93/153/93probes 1 STALE \n")
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestWriteErrorsAreTold(t *testing.T) {
	if err := render.Links(broken{}, render.Options{}, []api.Link{device()}); err == nil {
		t.Error("no error")
	}
}

// FuzzText: whatever a workload puts into an alias, JSON stays JSON and says the
// same, and text stays on its line.
func FuzzText(f *testing.F) {
	for _, s := range []string{"", "plain", "a\nb", "\x1b[2J", "\"\\\t\b\f\r", "\xff\xfe", "ä€😀", "\x7f\u009b", "</script>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, alias string) {
		l := device()
		l.Alias = alias
		var got []struct{ Ifalias string }
		for _, pretty := range []bool{false, true} {
			text := links1(t, render.Options{JSON: true, Pretty: pretty, Details: true}, l)
			if err := json.Unmarshal([]byte(text), &got); err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			if utf8.ValidString(alias) && got[0].Ifalias != alias {
				t.Fatalf("%q came back as %q", alias, got[0].Ifalias)
			}
		}
		text := links1(t, render.Options{}, l)
		if strings.Count(text, "\n") > 3 || strings.ContainsAny(text, "\x1b\r\x00\x7f") {
			t.Fatalf("%q", text)
		}
	})
}
