package nsutil

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/ipvl/ipvl/nsutil/rtnl"
	"github.com/ipvl/ipvl/nsutil/sandbox/sandboxtest"
	"github.com/ipvl/ipvl/stack/fib"
)

// routeText is a route in the manner of ip(8).
func routeText(r fib.Route) string {
	types := [...]string{"", "local ", "broadcast ", "multicast ", "anycast ", "blackhole ", "unreachable ", "prohibit ", "throw "}
	s := types[r.Type] + r.Dst.String()
	if r.Src.IsValid() {
		s += " from " + r.Src.String()
	}
	for _, h := range r.NextHops {
		if h.Via.IsValid() {
			s += " via " + h.Via.String()
		}
		s += fmt.Sprintf(" dev %d", h.Index)
		if h.Weight != 0 {
			s += fmt.Sprintf(" weight %d", h.Weight)
		}
		if h.OnLink {
			s += " onlink"
		}
	}
	if r.PrefSrc.IsValid() {
		s += " src " + r.PrefSrc.String()
	}
	if r.Metric != 0 {
		s += fmt.Sprintf(" metric %d", r.Metric)
	}
	if r.MTU != 0 {
		s += fmt.Sprintf(" mtu %d", r.MTU)
	}
	return s
}

// tableText is the static routes of a table.
func tableText(s fib.Snapshot, table uint32) string {
	var lines []string
	for _, r := range s.Routes {
		if r.Table == table && r.Protocol != unix.RTPROT_KERNEL {
			lines = append(lines, routeText(r))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// bothWays is Snapshot. What Load reads must make the same table.
func bothWays(t *testing.T, ns Ref) (fib.Snapshot, error) {
	t.Helper()
	s, err := Snapshot(ns)
	loaded, errLoad := Load(ns)
	for range 1000 { // the kernel gives an interface its link-local address when it gets to it
		after, errAfter := Snapshot(ns)
		if reflect.DeepEqual(s, after) || errAfter != nil {
			break
		}
		s = after
		loaded, errLoad = Load(ns)
	}
	if (err == nil) != (errLoad == nil) {
		t.Fatalf("Snapshot: %v, Load: %v", err, errLoad)
	}
	if err != nil {
		return s, err
	}
	if loaded.Set.Len() != len(s.Routes) || len(loaded.Routes) != 0 {
		t.Fatalf("Snapshot read %d routes, Load %d and %d", len(s.Routes), loaded.Set.Len(), len(loaded.Routes))
	}
	want, _, err := fib.Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	got, out, err := fib.Compile(loaded)
	if err != nil || out.Total() != 0 {
		t.Fatalf("Load: left out %+v, %v", out, err)
	}
	if !got.EqualIfaces(want) || !got.EqualAddrs(want) || !got.EqualRoutes(want) || !got.EqualRules(want) || !got.EqualNeighs(want) {
		t.Fatalf("Load read\n%+v, want\n%+v", slices.Collect(got.Routes()), slices.Collect(want.Routes()))
	}
	return s, nil
}

func cidr(s string) *net.IPNet {
	_, n, err := net.ParseCIDR(s)
	if err != nil {
		panic(err)
	}
	return n
}

// topology is a namespace with lo and m0 (10.0.0.1/24, fd00::1/64) up.
func topology(t *testing.T) (ns Ref, m0 int) {
	t.Helper()
	ns = addNetns(t, "a")
	pair(t, ns, "m0", "m1")
	addAddr(t, ns, "m0", "10.0.0.1/24")
	addAddr(t, ns, "m0", "fd00::1/64")
	conn(t, ns, func(c *rtnl.Conn) error {
		return c.Do(unix.RTM_NEWLINK, 0, rtnl.LinkHeader(1, unix.IFF_UP, unix.IFF_UP).Bytes())
	})
	return ns, linkOf(t, ns, "m0").Index
}

func TestSnapshotReadsRoutes(t *testing.T) {
	sandboxtest.Each(t, func(t *testing.T) {
		ns, m0 := topology(t)
		gw := net.ParseIP("10.0.0.254")
		routes := []netlink.Route{
			{Dst: cidr("0.0.0.0/0"), Gw: gw, LinkIndex: m0, Src: net.ParseIP("10.0.0.1"), Priority: 50, MTU: 1400},
			{Dst: cidr("10.1.0.0/16"), LinkIndex: m0, Scope: unix.RT_SCOPE_LINK},
			{Dst: cidr("10.2.0.0/16"), Gw: net.ParseIP("192.0.2.1"), LinkIndex: m0, Flags: unix.RTNH_F_ONLINK},
			{Dst: cidr("10.3.0.0/16"), Via: &netlink.Via{AddrFamily: unix.AF_INET6, Addr: net.ParseIP("fd00::99")}, LinkIndex: m0},
			{Dst: cidr("10.4.0.0/16"), MultiPath: []*netlink.NexthopInfo{
				{LinkIndex: m0, Gw: gw}, {LinkIndex: m0, Gw: net.ParseIP("10.0.0.253"), Hops: 4}}},
			{Dst: cidr("10.5.0.0/16"), Type: unix.RTN_BLACKHOLE},
			{Dst: cidr("10.6.0.0/16"), Type: unix.RTN_UNREACHABLE},
			{Dst: cidr("10.7.0.0/16"), Type: unix.RTN_PROHIBIT},
			{Dst: cidr("10.8.0.0/16"), Type: unix.RTN_THROW},
			{Dst: cidr("fd01::/64"), Gw: net.ParseIP("fd00::99"), LinkIndex: m0},
			{Dst: cidr("fd02::/64"), MultiPath: []*netlink.NexthopInfo{
				{LinkIndex: m0, Gw: net.ParseIP("fd00::98")}, {LinkIndex: m0, Gw: net.ParseIP("fd00::97"), Hops: 1}}},
			{Dst: cidr("fd03::/64"), Type: unix.RTN_BLACKHOLE},
		}
		handle(t, ns, func(h *netlink.Handle) error {
			for _, r := range routes {
				r.Table, r.Protocol = 1000, unix.RTPROT_STATIC
				if err := h.RouteAdd(&r); err != nil {
					return fmt.Errorf("%v: %w", r, err)
				}
			}
			return nil
		})
		s, err := bothWays(t, ns)
		if err != nil {
			t.Fatal(err)
		}
		lo := 1 // where IPv6 puts what goes nowhere
		want := strings.ReplaceAll(fmt.Sprintf(`0.0.0.0/0 via 10.0.0.254 dev M src 10.0.0.1 metric 50 mtu 1400
10.1.0.0/16 dev M
10.2.0.0/16 via 192.0.2.1 dev M onlink
10.3.0.0/16 via fd00::99 dev M
10.4.0.0/16 via 10.0.0.254 dev M weight 1 via 10.0.0.253 dev M weight 5
blackhole 10.5.0.0/16
blackhole fd03::/64 dev %d metric 1024
fd01::/64 via fd00::99 dev M metric 1024
fd02::/64 via fd00::98 dev M weight 1 via fd00::97 dev M weight 2 metric 1024
prohibit 10.7.0.0/16
throw 10.8.0.0/16
unreachable 10.6.0.0/16`, lo), "dev M", fmt.Sprintf("dev %d", m0))
		if got := tableText(s, 1000); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	})
}

// Without nexthop_compat_mode the kernel tells only the id.
func TestSnapshotResolvesNextHopObjects(t *testing.T) {
	sandboxtest.Each(t, func(t *testing.T) {
		// With compatibility the kernel also tells where it drops: on lo.
		for compat, blackhole := range map[string]string{"1": "blackhole 10.3.0.0/16 dev 1", "0": "blackhole 10.3.0.0/16"} {
			t.Run("compat "+compat, func(t *testing.T) {
				ns, m0 := topology(t)
				sysctl(t, ns, "net/ipv4/nexthop_compat_mode", compat)
				conn(t, ns, func(c *rtnl.Conn) error { return nextHopRoutes(c, m0) })
				s, err := bothWays(t, ns)
				if err != nil {
					t.Fatal(err)
				}
				want := strings.ReplaceAll(`10.1.0.0/16 via 10.0.0.254 dev M
10.2.0.0/16 via 10.0.0.254 dev M weight 3 via 10.0.0.253 dev M weight 1
`, "dev M", fmt.Sprintf("dev %d", m0)) + blackhole
				if got := tableText(s, 1000); got != want {
					t.Errorf("got\n%s\nwant\n%s", got, want)
				}
			})
		}
	})
}

// nextHopRoutes makes objects 1 and 2, the group 3 of them, the blackhole 4,
// and routes by them.
func nextHopRoutes(c *rtnl.Conn, dev int) error {
	object := func(family uint8, id uint32) *rtnl.Builder {
		return rtnl.FamilyHeader(family, 8).Uint32(unix.NHA_ID, id)
	}
	route := func(dst string, id uint32) *rtnl.Builder {
		h := rtnl.FamilyHeader(unix.AF_INET, unix.SizeofRtMsg)
		b := h.Bytes()
		b[1], b[5], b[7] = 16, unix.RTPROT_STATIC, unix.RTN_UNICAST
		return h.Attr(unix.RTA_DST, netip.MustParseAddr(dst).AsSlice()).Uint32(unix.RTA_TABLE, 1000).Uint32(30, id)
	}
	group := binary.NativeEndian.AppendUint32(nil, 1)
	group = binary.NativeEndian.AppendUint32(append(group, 2, 0, 0, 0), 2)
	group = append(group, 0, 0, 0, 0)
	for _, m := range []struct {
		typ  uint16
		body *rtnl.Builder
	}{
		{unix.RTM_NEWNEXTHOP, object(unix.AF_INET, 1).Uint32(unix.NHA_OIF, uint32(dev)).Attr(unix.NHA_GATEWAY, []byte{10, 0, 0, 254})},
		{unix.RTM_NEWNEXTHOP, object(unix.AF_INET, 2).Uint32(unix.NHA_OIF, uint32(dev)).Attr(unix.NHA_GATEWAY, []byte{10, 0, 0, 253})},
		{unix.RTM_NEWNEXTHOP, object(unix.AF_UNSPEC, 3).Attr(unix.NHA_GROUP, group)},
		{unix.RTM_NEWNEXTHOP, object(unix.AF_INET, 4).Attr(unix.NHA_BLACKHOLE, nil)},
		{unix.RTM_NEWROUTE, route("10.1.0.0", 1)},
		{unix.RTM_NEWROUTE, route("10.2.0.0", 3)},
		{unix.RTM_NEWROUTE, route("10.3.0.0", 4)},
	} {
		if err := c.Do(m.typ, unix.NLM_F_CREATE|unix.NLM_F_EXCL, m.body.Bytes()); err != nil {
			return fmt.Errorf("%x: %w", m.body.Bytes(), err)
		}
	}
	return nil
}

func TestSnapshotReadsTheRest(t *testing.T) {
	sandboxtest.Each(t, func(t *testing.T) {
		ns, m0 := topology(t)
		addAddr(t, ns, "m0", "10.0.0.2/24")
		handle(t, ns, func(h *netlink.Handle) error {
			r := netlink.NewRule()
			mask := uint32(0xff)
			r.Family, r.Table, r.Priority, r.Mark, r.Mask = unix.AF_INET, 100, 99, 7, &mask
			r.Src, r.OifName, r.SuppressPrefixlen = cidr("10.0.0.0/8"), "m0", 0
			r.Dport = netlink.NewRulePortRange(80, 90)
			r.IPProto = unix.IPPROTO_TCP
			for _, n := range []netlink.Neigh{
				{LinkIndex: m0, State: unix.NUD_PERMANENT, IP: net.IP{10, 0, 0, 9}, HardwareAddr: masterMAC},
				{LinkIndex: m0, State: unix.NUD_STALE, IP: net.IP{10, 0, 0, 8}, HardwareAddr: masterMAC},
			} {
				if err := h.NeighSet(&n); err != nil {
					return err
				}
			}
			return h.RuleAdd(r)
		})
		s, err := bothWays(t, ns)
		if err != nil {
			t.Fatal(err)
		}
		if want := []fib.Neigh{{Index: m0, Dst: netip.MustParseAddr("10.0.0.9"), MAC: [6]byte(masterMAC)}}; !slices.Equal(s.Neighs, want) {
			t.Errorf("neighbours %+v", s.Neighs)
		}
		var rules, addrs []string
		for _, r := range s.Rules {
			rules = append(rules, fmt.Sprintf("%d/%d:%v>%d mark %d/%d oif %q proto %d dport %v suppress %d",
				r.Family, r.Priority, r.Src, r.Table, r.Mark, r.MarkMask, r.OIF, r.IPProto, r.DstPort, r.SuppressPrefixLen))
		}
		if want := `4/99:10.0.0.0/8>100 mark 7/255 oif "m0" proto 6 dport [80 90] suppress 0`; !slices.Contains(rules, want) || len(rules) != 6 {
			t.Errorf("rules\n%s\nwant also\n%s", strings.Join(rules, "\n"), want)
		}
		for _, a := range s.Addrs {
			if a.Index == m0 && a.Scope == unix.RT_SCOPE_UNIVERSE {
				addrs = append(addrs, fmt.Sprint(a.Prefix, " ", a.Secondary, a.Tentative))
			}
		}
		if got := strings.Join(addrs, ", "); got != "10.0.0.1/24 false false, 10.0.0.2/24 true false, fd00::1/64 false false" {
			t.Errorf("addresses %s", got)
		}
		i := slices.IndexFunc(s.Ifaces, func(i fib.Iface) bool { return i.Index == m0 })
		l := linkOf(t, ns, "m0")
		if got := s.Ifaces[i]; got.Name != "m0" || !got.Up || !got.Running || got.Loopback || got.MTU != 1500 || net.HardwareAddr(got.MAC[:]).String() != l.Address.String() {
			t.Errorf("interface %+v", got)
		}
	})
}

// Every route that another library reads is in the snapshot as well.
func TestSnapshotAgreesWithAnotherReader(t *testing.T) {
	sandboxtest.User(t, func(t *testing.T) {
		ns, m0 := topology(t)
		conn(t, ns, func(c *rtnl.Conn) error { return manyRoutes(c, m0, 3000) })
		s, err := bothWays(t, ns)
		if err != nil {
			t.Fatal(err)
		}
		got := make(map[string]int)
		for _, r := range s.Routes {
			got[fmt.Sprint(r.Dst, r.Table, r.Metric)]++
		}
		handle(t, ns, func(h *netlink.Handle) error {
			list, err := h.RouteListFiltered(unix.AF_UNSPEC, &netlink.Route{Table: unix.RT_TABLE_UNSPEC}, netlink.RT_FILTER_TABLE)
			if err == nil && (len(list) != len(s.Routes) || len(list) < 3000) {
				t.Errorf("%d routes, the other reader has %d", len(s.Routes), len(list))
			}
			for _, r := range list {
				ones, _ := r.Dst.Mask.Size()
				addr, _ := netip.AddrFromSlice(r.Dst.IP)
				key := fmt.Sprint(netip.PrefixFrom(addr, ones), r.Table, r.Priority)
				if got[key]--; got[key] < 0 {
					t.Errorf("no route %s", key)
				}
			}
			return err
		})
	})
}

// manyRoutes adds n routes to 10.0.0.254 in table 1000.
func manyRoutes(c *rtnl.Conn, dev, n int) error {
	for i := range n {
		m := rtnl.FamilyHeader(unix.AF_INET, unix.SizeofRtMsg)
		b := m.Bytes()
		b[1], b[5], b[7] = 32, unix.RTPROT_STATIC, unix.RTN_UNICAST
		m.Attr(unix.RTA_DST, binary.BigEndian.AppendUint32(nil, 0x20000000+uint32(i))).
			Attr(unix.RTA_GATEWAY, []byte{10, 0, 0, 254}).Uint32(unix.RTA_OIF, uint32(dev)).Uint32(unix.RTA_TABLE, 1000)
		if err := c.Do(unix.RTM_NEWROUTE, unix.NLM_F_CREATE, m.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

func TestDumpsOfAMissingNamespace(t *testing.T) {
	sandboxtest.User(t, func(t *testing.T) {
		ns := addNetns(t, "a")
		sandboxtest.DelNetns(t, "a")
		_, err := bothWays(t, ns)
		if want := `Cannot open network namespace "a": No such file or directory`; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v", err)
		}
	})
}
