package rtnl

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"reflect"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ipvl/ipvl/stack/fib"
)

func ip(s string) []byte { return netip.MustParseAddr(s).AsSlice() }

func num16(v uint16) []byte { return binary.NativeEndian.AppendUint16(nil, v) }

// rtmsg is struct rtmsg.
func rtmsg(family, dstLen, srcLen, table, typ byte, flags uint32) *Builder {
	h := []byte{family, dstLen, srcLen, 0, table, unix.RTPROT_STATIC, 0, typ, 0, 0, 0, 0}
	binary.NativeEndian.PutUint32(h[8:], flags)
	return new(Builder).Raw(h)
}

// nexthop is struct rtnexthop with its attributes.
func nexthop(index int, hops, flags byte, attrs *Builder) []byte {
	h := append(num16(uint16(unix.SizeofRtNexthop+len(attrs.Bytes()))), flags, hops)
	h = binary.NativeEndian.AppendUint32(h, uint32(index))
	return append(h, attrs.Bytes()...)
}

func TestParseRoute(t *testing.T) {
	v4, v6 := byte(unix.AF_INET), byte(unix.AF_INET6)
	viaV6 := append(num16(unix.AF_INET6), ip("fe80::1")...)
	tests := []struct {
		name string
		msg  *Builder
		want Route
		err  error
	}{
		{
			"default via", rtmsg(v4, 0, 0, 254, unix.RTN_UNICAST, 0).
				Attr(unix.RTA_GATEWAY, ip("10.0.0.1")).Uint32(unix.RTA_OIF, 3),
			Route{Route: fib.Route{Dst: netip.MustParsePrefix("0.0.0.0/0"), Table: 254, Protocol: unix.RTPROT_STATIC,
				NextHops: []fib.NextHop{{Index: 3, Via: netip.MustParseAddr("10.0.0.1")}}}}, nil,
		},
		{
			"IPv4 via IPv6, onlink, in a big table", rtmsg(v4, 24, 0, 0, unix.RTN_UNICAST, unix.RTNH_F_ONLINK).
				Attr(unix.RTA_DST, ip("10.1.2.3")).Attr(unix.RTA_VIA, viaV6).Uint32(unix.RTA_OIF, 3).
				Uint32(unix.RTA_TABLE, 1000).Uint32(unix.RTA_PRIORITY, 7).
				Nest(unix.RTA_METRICS, new(Builder).Uint32(unix.RTAX_MTU, 1400)),
			Route{Route: fib.Route{Dst: netip.MustParsePrefix("10.1.2.0/24"), Table: 1000, Protocol: unix.RTPROT_STATIC,
				Metric: 7, MTU: 1400,
				NextHops: []fib.NextHop{{Index: 3, Via: netip.MustParseAddr("fe80::1"), OnLink: true}}}}, nil,
		},
		{
			"multipath", rtmsg(v4, 32, 0, 254, unix.RTN_UNICAST, 0).Attr(unix.RTA_DST, ip("10.9.9.9")).
				Attr(unix.RTA_MULTIPATH, append(
					nexthop(3, 0, 0, new(Builder).Attr(unix.RTA_GATEWAY, ip("10.0.0.1"))),
					nexthop(4, 9, unix.RTNH_F_DEAD|unix.RTNH_F_LINKDOWN, new(Builder).Attr(unix.RTA_VIA, viaV6))...)),
			Route{Route: fib.Route{Dst: netip.MustParsePrefix("10.9.9.9/32"), Table: 254, Protocol: unix.RTPROT_STATIC,
				NextHops: []fib.NextHop{
					{Index: 3, Via: netip.MustParseAddr("10.0.0.1"), Weight: 1},
					{Index: 4, Via: netip.MustParseAddr("fe80::1"), Weight: 10, Dead: true, LinkDown: true},
				}}}, nil,
		},
		{
			"IPv6 by source, nexthop object", rtmsg(v6, 0, 64, 254, unix.RTN_UNICAST, 0).
				Attr(unix.RTA_SRC, ip("2001:db8::1")).Uint32(rtaNHID, 12).Attr(unix.RTA_PREF, []byte{1}),
			Route{NHID: 12, Route: fib.Route{Dst: netip.MustParsePrefix("::/0"), Src: netip.MustParsePrefix("2001:db8::/64"),
				Table: 254, Protocol: unix.RTPROT_STATIC, Pref: 1}}, nil,
		},
		{
			"blackhole", rtmsg(v4, 8, 0, 254, unix.RTN_BLACKHOLE, 0).Attr(unix.RTA_DST, ip("10.0.0.0")),
			Route{Route: fib.Route{Dst: netip.MustParsePrefix("10.0.0.0/8"), Table: 254, Type: fib.Blackhole,
				Protocol: unix.RTPROT_STATIC}}, nil,
		},
		{"clone", rtmsg(v6, 0, 0, 254, unix.RTN_UNICAST, unix.RTM_F_CLONED), Route{}, ErrOther},
		{"NAT", rtmsg(v4, 0, 0, 254, unix.RTN_NAT, 0), Route{}, ErrOther},
		{"MPLS", rtmsg(28, 20, 0, 254, unix.RTN_UNICAST, 0), Route{}, ErrOther},
		{"prefix too long", rtmsg(v4, 33, 0, 254, unix.RTN_UNICAST, 0), Route{}, ErrValue},
		{"wrong address length", rtmsg(v4, 8, 0, 254, unix.RTN_UNICAST, 0).Attr(unix.RTA_DST, ip("::1")), Route{}, ErrValue},
		{"short", new(Builder).Raw([]byte{2, 0, 0, 0}), Route{}, ErrShort},
	}
	var p RouteParser
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			got, err := p.Parse(tc.msg.Bytes())
			if !errors.Is(err, tc.err) {
				t.Fatalf("error %v, want %v", err, tc.err)
			}
			if err == nil && !reflect.DeepEqual(got, tc.want) {
				t.Fatalf("got\n%+v, want\n%+v", got, tc.want)
			}
		})
	}
}

// The parser gives hops of many routes out of one allocation: appending to
// one must not reach the next.
func TestRoutesDoNotShareHops(t *testing.T) {
	var p RouteParser
	msg := rtmsg(unix.AF_INET, 0, 0, 254, unix.RTN_UNICAST, 0).Uint32(unix.RTA_OIF, 3).Bytes()
	a, _ := p.Parse(msg)
	b, _ := p.Parse(msg)
	_ = append(a.NextHops, fib.NextHop{Index: 9})
	if b.NextHops[0].Index != 3 {
		t.Fatal("the second route's hop was overwritten")
	}
}

// A parser that reuses gives the same routes, until the next.
func TestRouteParserReuses(t *testing.T) {
	p := RouteParser{Reuse: true}
	head := func() *Builder { return rtmsg(unix.AF_INET, 0, 0, 254, unix.RTN_UNICAST, 0) }
	hop := func(index byte) []byte { return []byte{8, 0, 0, 0, index, 0, 0, 0} }
	one := head().Uint32(unix.RTA_OIF, 3).Bytes()
	many := head().Attr(unix.RTA_MULTIPATH, append(hop(4), hop(5)...)).Bytes()
	none := head().Bytes()
	var a, b Route
	for range 3 {
		a, _ = p.Parse(one)
		if len(a.NextHops) != 1 || a.NextHops[0].Index != 3 {
			t.Fatalf("one hop: %+v", a)
		}
		b, _ = p.Parse(many)
		if len(b.NextHops) != 2 || b.NextHops[0].Index != 4 || b.NextHops[1].Index != 5 {
			t.Fatalf("two hops: %+v", b)
		}
		if c, _ := p.Parse(none); len(c.NextHops) != 0 {
			t.Fatalf("no hop: %+v", c)
		}
	}
	if n := testing.AllocsPerRun(10, func() { a, _ = p.Parse(one); b, _ = p.Parse(many) }); n != 0 {
		t.Errorf("%v allocations for two routes", n)
	}
}

func rulehdr(family, dstLen, srcLen, tos, table, action byte, flags uint32) *Builder {
	h := []byte{family, dstLen, srcLen, tos, table, 0, 0, action, 0, 0, 0, 0}
	binary.NativeEndian.PutUint32(h[8:], flags)
	return new(Builder).Raw(h)
}

func TestParseRule(t *testing.T) {
	v4 := byte(unix.AF_INET)
	plain := fib.Rule{Family: 4, SuppressPrefixLen: -1, SuppressGroup: -1}
	rule := func(change func(*fib.Rule)) fib.Rule { r := plain; change(&r); return r }
	tests := []struct {
		name string
		msg  *Builder
		want fib.Rule
		err  error
	}{
		{
			"from, fwmark, table", rulehdr(v4, 0, 24, 0, 0, unix.FR_ACT_TO_TBL, 0).
				Attr(unix.FRA_SRC, ip("10.0.0.0")).Uint32(unix.FRA_FWMARK, 5).Uint32(unix.FRA_FWMASK, 0xff).
				Uint32(unix.FRA_TABLE, 1000).Uint32(unix.FRA_PRIORITY, 99).Uint32(unix.FRA_SUPPRESS_PREFIXLEN, 0),
			rule(func(r *fib.Rule) {
				r.Src, r.Mark, r.MarkMask = netip.MustParsePrefix("10.0.0.0/24"), 5, 0xff
				r.Table, r.Priority, r.SuppressPrefixLen = 1000, 99, 0
			}), nil,
		},
		{
			"not, goto, ports", rulehdr(v4, 0, 0, 0, 0, unix.FR_ACT_GOTO, ruleInvert).
				Uint32(unix.FRA_GOTO, 500).String(unix.FRA_IIFNAME, "lo").Attr(unix.FRA_IP_PROTO, []byte{6}).
				Attr(unix.FRA_DPORT_RANGE, append(num16(80), num16(90)...)).
				Attr(unix.FRA_UID_RANGE, append(binary.NativeEndian.AppendUint32(nil, 1), 9, 0, 0, 0)),
			rule(func(r *fib.Rule) {
				r.Action, r.Goto, r.Invert, r.IIF, r.IPProto = fib.ActionGoto, 500, true, "lo", 6
				r.DstPort, r.UID = [2]uint16{80, 90}, &[2]uint32{1, 9}
			}), nil,
		},
		{"dscp", rulehdr(v4, 0, 0, 0, 7, unix.FR_ACT_TO_TBL, 0).Attr(fraDSCP, []byte{46}),
			rule(func(r *fib.Rule) { r.TOS, r.Table = 46<<2, 7 }), nil},
		{"l3mdev", rulehdr(unix.AF_INET6, 0, 0, 0, 0, unix.FR_ACT_TO_TBL, 0).Attr(unix.FRA_L3MDEV, []byte{1}),
			rule(func(r *fib.Rule) { r.Family, r.L3MDev = 6, true }), nil},
		{"prohibit", rulehdr(v4, 0, 0, 0, 0, unix.FR_ACT_PROHIBIT, 0),
			rule(func(r *fib.Rule) { r.Action = fib.ActionProhibit }), nil},
		{"tunnel", rulehdr(v4, 0, 0, 0, 1, unix.FR_ACT_TO_TBL, 0).
			Attr(unix.FRA_TUN_ID, []byte{0, 0, 0, 0, 0, 0, 0, 1}), fib.Rule{}, ErrOther},
		{"not tunnel", rulehdr(v4, 0, 0, 0, 1, unix.FR_ACT_TO_TBL, ruleInvert).
			Attr(unix.FRA_TUN_ID, []byte{0, 0, 0, 0, 0, 0, 0, 1}),
			rule(func(r *fib.Rule) { r.Invert, r.Table = true, 1 }), nil},
		{"multicast routing", rulehdr(128, 0, 0, 0, 1, unix.FR_ACT_TO_TBL, 0), fib.Rule{}, ErrOther},
		{"prefix too long", rulehdr(v4, 40, 0, 0, 1, unix.FR_ACT_TO_TBL, 0), fib.Rule{}, ErrValue},
		{"short", new(Builder).Raw([]byte{2, 0}), fib.Rule{}, ErrShort},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			got, err := ParseRule(tc.msg.Bytes())
			if !errors.Is(err, tc.err) {
				t.Fatalf("error %v, want %v", err, tc.err)
			}
			if err == nil && !reflect.DeepEqual(got, tc.want) {
				t.Fatalf("got\n%+v, want\n%+v", got, tc.want)
			}
		})
	}
}

func TestParseAddrTellsLocalFromPeer(t *testing.T) {
	header := func(family, length byte) *Builder {
		return new(Builder).Raw([]byte{family, length, 0x80, 0, 9, 0, 0, 0})
	}
	for _, tc := range []struct {
		name                string
		msg                 *Builder
		prefix, addr, peer  string
		index, valid, flags uint32
	}{
		{"IPv4", header(unix.AF_INET, 24).Attr(unix.IFA_LOCAL, ip("10.0.0.1")).Attr(unix.IFA_ADDRESS, ip("10.0.0.1")).
			Uint32(unix.IFA_FLAGS, 0x280), "10.0.0.1/24", "10.0.0.1", "invalid IP", 9, 0, 0x280},
		{"IPv4 peer", header(unix.AF_INET, 32).Attr(unix.IFA_LOCAL, ip("10.0.0.1")).Attr(unix.IFA_ADDRESS, ip("10.0.0.2")),
			"10.0.0.1/32", "10.0.0.2", "10.0.0.2", 9, 0, 0x80},
		{"IPv6", header(unix.AF_INET6, 64).Attr(unix.IFA_ADDRESS, ip("fd00::1")).
			Attr(unix.IFA_CACHEINFO, []byte{1, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}),
			"fd00::1/64", "fd00::1", "invalid IP", 9, 5, 0x80},
		{"IPv6 peer", header(unix.AF_INET6, 128).Attr(unix.IFA_LOCAL, ip("fd00::1")).Attr(unix.IFA_ADDRESS, ip("fd00::2")),
			"fd00::1/128", "fd00::2", "fd00::2", 9, 0, 0x80},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a, err := ParseAddr(tc.msg.Bytes())
			if err != nil {
				t.Fatal(err)
			}
			if a.Prefix.String() != tc.prefix || a.Address.String() != tc.addr || a.Peer().String() != tc.peer {
				t.Errorf("prefix %v address %v peer %v", a.Prefix, a.Address, a.Peer())
			}
			if a.Index != int(tc.index) || a.Valid != tc.valid || a.Flags != tc.flags {
				t.Errorf("index %d valid %d flags %#x", a.Index, a.Valid, a.Flags)
			}
		})
	}
	if _, err := ParseAddr(header(unix.AF_INET, 24).Bytes()); !errors.Is(err, ErrValue) {
		t.Errorf("no address at all: %v", err)
	}
	if _, err := ParseAddr(header(unix.AF_INET, 24).Attr(unix.IFA_LOCAL, ip("::1")).Bytes()); !errors.Is(err, ErrValue) {
		t.Errorf("wrong length: %v", err)
	}
}

func TestParseLinkTellsWhereItWent(t *testing.T) {
	l, err := ParseLink(LinkHeader(7, unix.IFF_UP, 0).String(unix.IFLA_IFNAME, "e0").
		Uint32(unix.IFLA_NEW_NETNSID, 3).Uint32(unix.IFLA_NEW_IFINDEX, 12).Bytes())
	if err != nil || l.Index != 7 || l.Name != "e0" || l.NewNSID != 3 || l.NewIndex != 12 {
		t.Errorf("%+v, %v", l, err)
	}
	l, err = ParseLink(LinkHeader(7, 0, 0).Bytes())
	if err != nil || l.NewNSID != -1 || l.ParentNSID != -1 || l.AddrGenMode != -1 || l.HasParent {
		t.Errorf("absent fields: %+v, %v", l, err)
	}
	bridge := LinkHeader(7, 0, 0).Bytes()
	bridge[0] = unix.AF_BRIDGE
	if _, err := ParseLink(bridge); !errors.Is(err, ErrOther) {
		t.Errorf("a bridge's message about its port: %v", err)
	}
}

func TestParseNextHopGroup(t *testing.T) {
	o, err := ParseNextHop(FamilyHeader(unix.AF_UNSPEC, sizeofNhmsg).Uint32(unix.NHA_ID, 9).
		Attr(unix.NHA_GROUP, []byte{1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 4, 1, 0, 0}).Bytes())
	want := []NextHopMember{{1, 1}, {2, 261}}
	if err != nil || !reflect.DeepEqual(o.Group, want) {
		t.Fatalf("%+v, %v", o, err)
	}
	objects := NextHopObjects{
		9: o, 1: {ID: 1, Hop: fib.NextHop{Index: 3}}, 2: {ID: 2, Hop: fib.NextHop{Index: 4}},
		5: {ID: 5, Blackhole: true},
	}
	var r fib.Route
	objects.Resolve(&r, 9)
	if !reflect.DeepEqual(r.NextHops, []fib.NextHop{{Index: 3, Weight: 1}, {Index: 4, Weight: 261}}) {
		t.Errorf("group: %+v", r.NextHops)
	}
	r = fib.Route{}
	objects.Resolve(&r, 5)
	if r.Type != fib.Blackhole || r.NextHops != nil {
		t.Errorf("blackhole: %+v", r)
	}
	r = fib.Route{}
	objects.Resolve(&r, 77)
	if r.NextHops != nil || r.Type != fib.Unicast {
		t.Errorf("unknown object: %+v", r)
	}
}
