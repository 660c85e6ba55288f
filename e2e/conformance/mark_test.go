package conformance

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipvl/ipvl/nsutil/rtnl"
)

// markTable is a table that no rule names.
const markTable = 99

// mark waits until the appliance has seen what was done to the host: a route
// that nobody uses, made after that, shows in what it mirrors.
func (a *appliance) mark(l *lab) error {
	if !l.hostChanged || l.state.mode == "l2" || l.state.mac == "" {
		return nil // it follows routes in l3 and l3s, where there is a master
	}
	l.hostChanged = false
	host := l.spaces["host"]
	for start := time.Now(); !host.rooted() && time.Since(start) < late; {
		pause()
	}
	l.marks++
	dst := netip.AddrFrom4([4]byte{192, 0, 2, byte(l.marks)})
	if err := host.conn.Do(unix.RTM_NEWROUTE, unix.NLM_F_CREATE, unreachable(dst)); err != nil {
		return err
	}
	for start := time.Now(); time.Since(start) < patience; pause() {
		var routes []struct{ Dst string }
		if err := a.call("route/show", map[string]string{"netns": "host", "table": fmt.Sprint(markTable)}, &routes); err != nil {
			return err
		}
		for _, r := range routes {
			if r.Dst == dst.String() || r.Dst == dst.String()+"/32" {
				return host.conn.Do(unix.RTM_DELROUTE, 0, unreachable(dst))
			}
		}
	}
	return fmt.Errorf("the appliance does not show the route to %s", dst)
}

// rooted says that the kernel has routes for all IPv6 addresses of a namespace,
// which it makes a moment after them, and none while an interface is down.
func (s *space) rooted() bool {
	addrs, err := s.conn.Addrs()
	if err != nil {
		return false
	}
	routes, _, err := s.conn.AppendRoutes(nil, unix.AF_INET6)
	if err != nil {
		return false
	}
	local := map[netip.Addr]bool{}
	for _, r := range routes {
		if r.Table == unix.RT_TABLE_LOCAL {
			local[r.Dst.Addr()] = true
		}
	}
	return !slices.ContainsFunc(addrs, func(a rtnl.Addr) bool { return a.Prefix.Addr().Is6() && !local[a.Prefix.Addr()] })
}

// unreachable is the route to an address that nobody reaches, in markTable.
func unreachable(dst netip.Addr) []byte {
	h := make([]byte, unix.SizeofRtMsg)
	h[0], h[1], h[4], h[5], h[7] = unix.AF_INET, 32, markTable, unix.RTPROT_BOOT, unix.RTN_UNREACHABLE
	return new(rtnl.Builder).Raw(h).Attr(unix.RTA_DST, dst.AsSlice()).Bytes()
}
