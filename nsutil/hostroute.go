package nsutil

import (
	"encoding/binary"
	"errors"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/ipvl/ipvl/nsutil/rtnl"
)

// HostProtocol is the routing protocol (rtm_protocol) of the routes that
// HostRoutes makes: "ip route show proto 181".
const HostProtocol = 181

// HostRoute leads from the default namespace to one address of a device.
type HostRoute struct {
	Dst netip.Addr
	// Src is what the host speaks to it as; the zero Addr is the kernel's choice.
	Src netip.Addr
}

// HostRoutes keeps host routes over one interface of the namespace of the
// calling thread. The zero value has none. It is not safe for concurrent use.
// They go with the interface; nothing needs to be removed for that.
type HostRoutes struct{ have map[HostRoute]bool }

// Set makes routes the routes over the interface; only differences reach the
// kernel. What the kernel refuses is tried again at the next Set; the rest is
// in force.
func (h *HostRoutes) Set(index int, routes []HostRoute) error {
	want := make(map[HostRoute]bool, len(routes))
	for _, r := range routes {
		want[r] = true
	}
	var out, in []HostRoute
	for r := range h.have {
		if !want[r] {
			out = append(out, r)
		}
	}
	for r := range want {
		if !h.have[r] {
			in = append(in, r)
		}
	}
	if len(out)+len(in) == 0 {
		return nil
	}
	c, err := rtnl.Dial()
	if err != nil {
		return wrap("set host routes", "", err)
	}
	defer c.Close()
	if h.have == nil {
		h.have = make(map[HostRoute]bool)
	}
	var failed error
	for _, r := range out {
		err := c.Do(unix.RTM_DELROUTE, 0, r.body(index))
		if err != nil && !errors.Is(err, unix.ESRCH) {
			failed = errors.Join(failed, wrap("delete the route to", r.Dst.String(), err))
		}
		delete(h.have, r)
	}
	for _, r := range in {
		if err := c.Do(unix.RTM_NEWROUTE, unix.NLM_F_CREATE|unix.NLM_F_REPLACE, r.body(index)); err != nil {
			failed = errors.Join(failed, wrap("add the route to", r.Dst.String(), err))
			continue
		}
		h.have[r] = true
	}
	return failed
}

// body is struct rtmsg and its attributes.
func (r HostRoute) body(index int) []byte {
	h := make([]byte, unix.SizeofRtMsg)
	h[0], h[1] = unix.AF_INET, 32
	h[6] = unix.RT_SCOPE_LINK
	if r.Dst.Is6() {
		h[0], h[1], h[6] = unix.AF_INET6, 128, unix.RT_SCOPE_UNIVERSE
	}
	h[4], h[5], h[7] = unix.RT_TABLE_MAIN, HostProtocol, unix.RTN_UNICAST
	m := new(rtnl.Builder).Raw(h).Attr(unix.RTA_DST, r.Dst.AsSlice())
	m.Attr(unix.RTA_OIF, binary.NativeEndian.AppendUint32(nil, uint32(index)))
	if r.Src.IsValid() {
		m.Attr(unix.RTA_PREFSRC, r.Src.AsSlice())
	}
	return m.Bytes()
}
