package rtnl

import (
	"testing"

	"golang.org/x/sys/unix"
)

// FuzzParse gives every parser arbitrary datagrams and bodies: none panics,
// and what a parser accepts holds together.
func FuzzParse(f *testing.F) {
	bodies := [][]byte{
		LinkHeader(2, unix.IFF_UP, 0).String(unix.IFLA_IFNAME, "e0").Attr(unix.IFLA_ADDRESS, []byte{2, 0, 0, 0, 0, 1}).
			Nest(unix.IFLA_LINKINFO, new(Builder).String(unix.IFLA_INFO_KIND, "vrf").
				Nest(unix.IFLA_INFO_DATA, new(Builder).Uint32(iflaVRFTable, 10))).
			AddrGenMode(1).Attr(unix.IFLA_STATS64, make([]byte, 200)).Bytes(),
		FamilyHeader(unix.AF_INET6, unix.SizeofIfAddrmsg).Attr(unix.IFA_LOCAL, ip("fd00::1")).Attr(unix.IFA_MULTICAST, ip("ff02::1")).Bytes(),
		rtmsg(unix.AF_INET, 24, 0, 254, unix.RTN_UNICAST, 0).Attr(unix.RTA_DST, ip("10.0.0.0")).
			Attr(unix.RTA_MULTIPATH, nexthop(3, 0, 0, new(Builder).Attr(unix.RTA_GATEWAY, ip("10.0.0.1")))).Bytes(),
		rulehdr(unix.AF_INET, 0, 8, 0, 0, unix.FR_ACT_TO_TBL, 0).Attr(unix.FRA_SRC, ip("10.0.0.0")).Attr(unix.FRA_UID_RANGE, make([]byte, 8)).Bytes(),
		FamilyHeader(unix.AF_INET, unix.SizeofNdMsg).Attr(unix.NDA_DST, ip("10.0.0.1")).Attr(unix.NDA_LLADDR, make([]byte, 6)).Bytes(),
		FamilyHeader(unix.AF_UNSPEC, sizeofNhmsg).Uint32(unix.NHA_ID, 1).Attr(unix.NHA_GROUP, make([]byte, 16)).Bytes(),
		FamilyHeader(unix.AF_UNSPEC, sizeofRtgenmsg).Uint32(unix.NETNSA_NSID, 7).Bytes(),
	}
	for _, b := range bodies {
		f.Add(request(unix.RTM_NEWLINK, 0, 1, b))
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		checkBody(t, b)
		for rest := b; ; {
			m, next, ok := Next(rest)
			if !ok {
				break
			}
			if len(next) >= len(rest) {
				t.Fatal("no progress")
			}
			rest = next
			checkBody(t, m.Data)
			(&answer{fn: func(Message) error { return nil }}).message(m)
		}
	})
}

func checkBody(t *testing.T, b []byte) {
	t.Helper()
	_, _ = ParseLink(b)
	_, _ = ParseNSID(b)
	_, _ = ParseNextHop(b)
	if a, err := ParseAddr(b); err == nil && (!a.Prefix.IsValid() || !a.Address.IsValid()) {
		t.Fatalf("address without address: %+v", a)
	}
	if g, err := ParseGroup(b); err == nil && !g.Addr.IsValid() {
		t.Fatalf("group without address: %+v", g)
	}
	if n, err := ParseNeigh(b); err == nil && !n.Dst.IsValid() {
		t.Fatalf("neighbour without address: %+v", n)
	}
	if r, err := ParseRule(b); err == nil && r.Family != 4 && r.Family != 6 {
		t.Fatalf("rule without family: %+v", r)
	}
	var p RouteParser
	if r, err := p.Parse(b); err == nil && (!r.Dst.IsValid() || r.Dst != r.Dst.Masked()) {
		t.Fatalf("route without destination: %+v", r)
	}
}
