package appliance

import (
	"net"
	"net/netip"
	"testing"

	"github.com/ipvl/ipvl/nsutil/rtnl"
	"golang.org/x/sys/unix"
)

func TestSharedID(t *testing.T) {
	mac := net.HardwareAddr{2, 0xaa, 0xbb, 0xcc, 0xdd, 1}
	slaac := rtnl.Addr{Prefix: netip.MustParsePrefix("fd77::aa:bbff:fecc:dd01/64"), Valid: 3600}
	with := func(f func(*rtnl.Addr)) rtnl.Addr {
		ad := slaac
		f(&ad)
		return ad
	}
	for name, c := range map[string]struct {
		ad   rtnl.Addr
		want bool
	}{
		"SLAAC without the device's id": {slaac, true},
		"with it":                       {with(func(ad *rtnl.Addr) { ad.Prefix = netip.MustParsePrefix("fd77::2aa:bb00:1cc:dd01/64") }), false},
		"set by hand":                   {with(func(ad *rtnl.Addr) { ad.Flags, ad.Valid = unix.IFA_F_PERMANENT, forever }), false},
		"link-local":                    {with(func(ad *rtnl.Addr) { ad.Prefix = netip.MustParsePrefix("fe80::aa:bbff:fecc:dd01/64") }), false},
		"IPv4":                          {rtnl.Addr{Prefix: netip.MustParsePrefix("10.0.0.1/24"), Valid: 3600}, false},
	} {
		if got := sharedID(c.ad, mac); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
