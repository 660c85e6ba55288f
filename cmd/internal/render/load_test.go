package render_test

import (
	"encoding/json"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/ipvl/ipvl/cmd/internal/api"
)

// recording is one command of ip(8) and what it printed.
type recording struct {
	line   string // without "ip -n NAMESPACE"
	output string
}

func recordings(t *testing.T, name string) []recording {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name + ".txt")
	if err != nil {
		t.Fatal(err)
	}
	var out []recording
	for _, block := range strings.Split("\n"+string(text), "\n$ ip -n ")[1:] {
		line, output, _ := strings.Cut(block, "\n")
		_, line, _ = strings.Cut(line, " ")
		output, _, _ = strings.Cut(output, "# exit 0")
		out = append(out, recording{line, output})
	}
	if len(out) == 0 {
		t.Fatalf("%s holds no recording", name)
	}
	return out
}

// answer is the output of one recorded command, read as JSON.
func answer[T any](t *testing.T, name, line string) []T {
	t.Helper()
	for _, r := range recordings(t, name) {
		if r.line != line {
			continue
		}
		var out []T
		if err := json.Unmarshal([]byte(r.output), &out); err != nil {
			t.Fatalf("%s: %s: %v", name, line, err)
		}
		return out
	}
	t.Fatalf("%s: no %q", name, line)
	return nil
}

type ipLink struct {
	Ifindex, MTU, Txqlen, Promiscuity, Allmulti   int
	Link, Ifname, Qdisc, Master, Operstate, Group string
	Flags, Altnames                               []string
	LinkIndex                                     int    `json:"link_index"`
	LinkNetnsid                                   *int   `json:"link_netnsid"`
	LinkType                                      string `json:"link_type"`
	Address, Broadcast, Permaddr, Ifalias         string
	MinMTU                                        int    `json:"min_mtu"`
	MaxMTU                                        int    `json:"max_mtu"`
	GenMode                                       string `json:"inet6_addr_gen_mode"`
	NumTx                                         int    `json:"num_tx_queues"`
	NumRx                                         int    `json:"num_rx_queues"`
	GSOMaxSize                                    uint32 `json:"gso_max_size"`
	GSOMaxSegs                                    uint32 `json:"gso_max_segs"`
	TSOMaxSize                                    uint32 `json:"tso_max_size"`
	TSOMaxSegs                                    uint32 `json:"tso_max_segs"`
	GROMaxSize                                    uint32 `json:"gro_max_size"`
	Linkinfo                                      struct {
		Kind string `json:"info_kind"`
		Data struct {
			Mode                  string
			Bridge, Private, Vepa bool
		} `json:"info_data"`
	}
	Stats64  struct{ RX, TX map[string]uint64 }
	AddrInfo []map[string]any `json:"addr_info"`
}

// links are the links of a namespace, with their addresses.
func links(t *testing.T, ns string) []api.Link {
	t.Helper()
	out := plainLinks(t, "link."+ns, "-j -d -s -s link show", ns)
	for i, l := range answer[ipLink](t, "addr."+ns, "-j addr show") {
		for _, a := range l.AddrInfo {
			out[i].Addrs = append(out[i].Addrs, addrOf(a))
		}
	}
	return out
}

func plainLinks(t *testing.T, file, line, ns string) []api.Link {
	t.Helper()
	var out []api.Link
	for _, l := range answer[ipLink](t, file, line) {
		out = append(out, linkOf(l, map[string]string{"host": "lan", "n1": "host"}[ns]))
	}
	return out
}

var linkFlags = map[string]uint32{"UP": 1, "BROADCAST": 2, "LOOPBACK": 8, "POINTOPOINT": 0x10, "NOARP": 0x80,
	"MASTER": 0x400, "MULTICAST": 0x1000, "LOWER_UP": 1 << 16}

func linkOf(l ipLink, otherNetns string) api.Link {
	out := api.Link{Index: l.Ifindex, Name: l.Ifname, Kind: l.Linkinfo.Kind, Alias: l.Ifalias, AltNames: l.Altnames,
		LinkType: l.LinkType, MTU: l.MTU, Qdisc: l.Qdisc, OperState: l.Operstate, TxQLen: l.Txqlen, Address: l.Address,
		Broadcast: l.Broadcast, PermAddr: l.Permaddr, Parent: l.Link, ParentIndex: l.LinkIndex, ParentNetnsID: l.LinkNetnsid,
		UpperName: l.Master, Promiscuity: l.Promiscuity, AllMulti: l.Allmulti, MinMTU: l.MinMTU, MaxMTU: l.MaxMTU,
		AddrGenMode: l.GenMode, NumTxQueues: l.NumTx, NumRxQueues: l.NumRx, GSOMaxSize: l.GSOMaxSize, GSOMaxSegs: l.GSOMaxSegs,
		TSOMaxSize: l.TSOMaxSize, TSOMaxSegs: l.TSOMaxSegs, GROMaxSize: l.GROMaxSize, Mode: l.Linkinfo.Data.Mode}
	out.Group, _ = api.Groups.Number(l.Group)
	if l.LinkNetnsid != nil {
		out.ParentNetns = otherNetns
	}
	for flag, set := range map[string]bool{"bridge": l.Linkinfo.Data.Bridge, "private": l.Linkinfo.Data.Private, "vepa": l.Linkinfo.Data.Vepa} {
		if set {
			out.Flag = flag
		}
	}
	for _, f := range l.Flags {
		out.Flags |= linkFlags[f]
	}
	if !slices.Contains(l.Flags, "NO-CARRIER") {
		out.Flags |= 0x40 // IFF_RUNNING
	}
	out.ParentDown = slices.Contains(l.Flags, "M-DOWN")
	if l.Stats64.RX != nil {
		out.Stats = statsOf(l.Stats64.RX, l.Stats64.TX)
	}
	return out
}

func statsOf(rx, tx map[string]uint64) *api.LinkStats {
	return &api.LinkStats{RxPackets: rx["packets"], RxBytes: rx["bytes"], RxErrors: rx["errors"], RxDropped: rx["dropped"],
		RxOverErrors: rx["over_errors"], Multicast: rx["multicast"], RxMissedErrors: rx["missed_errors"],
		TxPackets: tx["packets"], TxBytes: tx["bytes"], TxErrors: tx["errors"], TxDropped: tx["dropped"],
		TxCarrierErrors: tx["carrier_errors"], Collisions: tx["collisions"], CarrierChanges: uint32(tx["carrier_changes"])}
}

var addrFlags = map[string]uint32{"secondary": 1, "nodad": 2, "home": 0x10, "deprecated": 0x20, "mngtmpaddr": 0x100, "noprefixroute": 0x200}

func addrOf(a map[string]any) api.Addr {
	text := func(key string) string { s, _ := a[key].(string); return s }
	bits := int(a["prefixlen"].(float64))
	out := api.Addr{Prefix: netip.PrefixFrom(netip.MustParseAddr(text("local")), bits), Scope: text("scope"), Label: text("label"),
		Flags: 0x80, Valid: uint32(a["valid_life_time"].(float64)), Preferred: uint32(a["preferred_life_time"].(float64))}
	if peer := text("address"); peer != "" {
		out.Peer = netip.PrefixFrom(netip.MustParseAddr(peer), bits)
	}
	if brd := text("broadcast"); brd != "" {
		out.Broadcast = netip.MustParseAddr(brd)
	}
	for name, bit := range addrFlags {
		if a[name] == true {
			out.Flags |= bit
		}
	}
	return out
}

type ipRoute struct {
	Type, Dst, From, TOS, Gateway, Dev, Table, Protocol, Scope, Prefsrc, Pref string
	Via                                                                       *struct{ Family, Host string }
	NHID, Metric, Mark                                                        uint32
	UID                                                                       *uint32
	Flags, Cache                                                              []string
	Metrics                                                                   []struct{ MTU, Advmss, Hoplimit uint32 }
	Nexthops                                                                  []struct {
		Gateway, Dev string
		Weight       int
		Flags        []string
	}
}

func routes(t *testing.T) []api.Route {
	t.Helper()
	var out []api.Route
	for _, r := range answer[ipRoute](t, "route.host", "-j -d route show table all") {
		out = append(out, routeOf(r))
	}
	return out
}

func routeOf(r ipRoute) api.Route {
	out := api.Route{Dst: r.Dst, Type: r.Type, Protocol: r.Protocol, Scope: r.Scope, PrefSrc: addr(r.Prefsrc), Metric: r.Metric,
		NHID: r.NHID, Mark: r.Mark, UID: r.UID, RTCF: r.Cache, Flags: r.Flags, Pref: r.Pref, Family: 4, Src: addr(r.From)}
	if r.Pref != "" {
		out.Family = 6
	}
	out.Table, _ = api.Tables.Number(r.Table)
	tos, _ := api.DSFields.Number(r.TOS)
	out.TOS = uint8(tos)
	if len(r.Metrics) > 0 {
		out.MTU, out.AdvMSS, out.HopLimit = r.Metrics[0].MTU, r.Metrics[0].Advmss, r.Metrics[0].Hoplimit
		out.MTULock = r.Dst == "10.61.0.0/16" // JSON does not say
	}
	for _, n := range r.Nexthops {
		out.NextHops = append(out.NextHops, api.NextHop{Via: addr(n.Gateway), Dev: n.Dev, Weight: n.Weight, Flags: n.Flags})
	}
	if r.Dev != "" {
		hop := api.NextHop{Via: addr(r.Gateway), Dev: r.Dev}
		if r.Via != nil {
			hop.Via = addr(r.Via.Host)
		}
		out.NextHops = []api.NextHop{hop}
	}
	return out
}

func addr(s string) netip.Addr {
	a, _ := netip.ParseAddr(s)
	return a
}

type ipNeigh struct {
	Dst, Dev, Lladdr string
	State            []string
	Router           json.RawMessage
}

func neighs(t *testing.T) []api.Neigh {
	t.Helper()
	var out []api.Neigh
	for _, n := range answer[ipNeigh](t, "neigh.host", "-j neigh show nud all") {
		out = append(out, api.Neigh{Dst: addr(n.Dst), Dev: n.Dev, LLAddr: n.Lladdr, State: strings.Join(n.State, ","), Router: n.Router != nil})
	}
	return out
}
