package nsutil

import (
	"encoding/binary"
	"errors"

	"golang.org/x/sys/unix"

	"github.com/ipvl/ipvl/nsutil/rtnl"
	"github.com/ipvl/ipvl/stack/fib"
)

// AddAddr adds an address, with its peer, flags and lifetimes, to an interface
// of the namespace of the calling thread. One that is there already is no
// error. Flags that the kernel sets by itself are not asked for.
func AddAddr(index int, a rtnl.Addr) error {
	const keep = unix.IFA_F_NODAD | unix.IFA_F_HOMEADDRESS | unix.IFA_F_NOPREFIXROUTE | unix.IFA_F_MCAUTOJOIN
	h := make([]byte, unix.SizeofIfAddrmsg)
	h[0], h[1], h[3] = unix.AF_INET, byte(a.Prefix.Bits()), a.Scope
	if a.Prefix.Addr().Is6() {
		h[0] = unix.AF_INET6
	}
	binary.NativeEndian.PutUint32(h[4:], uint32(index))
	m := new(rtnl.Builder).Raw(h).Attr(unix.IFA_LOCAL, a.Prefix.Addr().AsSlice()).Attr(unix.IFA_ADDRESS, a.Address.AsSlice())
	if a.Broadcast.IsValid() {
		m.Attr(unix.IFA_BROADCAST, a.Broadcast.AsSlice())
	}
	if a.Label != "" {
		m.String(unix.IFA_LABEL, a.Label)
	}
	m.Uint32(unix.IFA_FLAGS, a.Flags&keep)
	life := binary.NativeEndian.AppendUint32(nil, a.Preferred)
	life = binary.NativeEndian.AppendUint32(life, a.Valid)
	m.Attr(unix.IFA_CACHEINFO, append(life, make([]byte, 8)...))
	return change("add address "+a.Prefix.String(), unix.RTM_NEWADDR, m)
}

// AddRoute adds a route of one next hop through an interface of the namespace
// of the calling thread. One that is there already is no error.
func AddRoute(index int, r fib.Route) error {
	h := make([]byte, unix.SizeofRtMsg)
	h[0], h[1], h[3] = unix.AF_INET, byte(r.Dst.Bits()), r.TOS
	if r.Dst.Addr().Is6() {
		h[0] = unix.AF_INET6
	}
	h[4], h[5], h[6], h[7] = unix.RT_TABLE_UNSPEC, r.Protocol, r.Scope, unix.RTN_UNICAST
	var hop fib.NextHop
	if len(r.NextHops) > 0 {
		hop = r.NextHops[0]
	}
	if hop.OnLink {
		binary.NativeEndian.PutUint32(h[8:], unix.RTNH_F_ONLINK)
	}
	m := new(rtnl.Builder).Raw(h).Attr(unix.RTA_DST, r.Dst.Addr().AsSlice())
	m.Uint32(unix.RTA_TABLE, r.Table).Uint32(unix.RTA_OIF, uint32(index))
	switch via := hop.Via; {
	case !via.IsValid():
	case via.BitLen() == r.Dst.Addr().BitLen():
		m.Attr(unix.RTA_GATEWAY, via.AsSlice())
	default: // an IPv4 route over an IPv6 gateway (RFC 5549)
		m.Attr(unix.RTA_VIA, append(binary.NativeEndian.AppendUint16(nil, unix.AF_INET6), via.AsSlice()...))
	}
	if r.PrefSrc.IsValid() {
		m.Attr(unix.RTA_PREFSRC, r.PrefSrc.AsSlice())
	}
	if r.Metric != 0 {
		m.Uint32(unix.RTA_PRIORITY, r.Metric)
	}
	if r.MTU != 0 {
		m.Nest(unix.RTA_METRICS, new(rtnl.Builder).Uint32(unix.RTAX_MTU, r.MTU))
	}
	return change("add route "+r.Dst.String(), unix.RTM_NEWROUTE, m)
}

// change sends one request that makes something.
func change(op string, typ uint16, m *rtnl.Builder) error {
	c, err := rtnl.Dial()
	if err != nil {
		return wrap(op, "", err)
	}
	defer c.Close()
	err = c.Do(typ, unix.NLM_F_CREATE|unix.NLM_F_EXCL, m.Bytes())
	if errors.Is(err, unix.EEXIST) {
		return nil
	}
	return wrap(op, "", err)
}
