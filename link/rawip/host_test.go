package rawip

import (
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/ipvl/ipvl/link/internal/nstest"
	"github.com/ipvl/ipvl/link/packet"
	"github.com/ipvl/ipvl/link/vnet"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// host is a host with a port to it and a wire, on which all that leaves is seen:
//
//	device ── port ─ lo ─ host (host4, host6, lladdr on m0) ── m0 ─ wire
//
// It has no default route and, until routeBack, no way to the device's addresses.
type host struct {
	*nstest.Namespace
	port  *Port
	index int // of m0
	wire  *packet.Port
	mark  *packet.Port     // on m0: sends what wire sees
	seen  chan []byte      // Ethernet frames that left the host
	mac   net.HardwareAddr // the wire's
}

func newHost(t testing.TB) *host {
	t.Helper()
	h := &host{Namespace: nstest.New(t), seen: make(chan []byte, 4096)}
	wire := nstest.New(t)
	h.SetUp(t, "lo", true)
	h.Sysctl(t, "ipv6/conf/default/router_solicitations", "0")
	wire.Sysctl(t, "ipv6/conf/default/disable_ipv6", "1")
	m0, w0 := h.Veth(t, "m0", wire, "w0")
	h.index, h.mac = m0.Index, w0.HardwareAddr
	for _, a := range []string{host4 + "/24", host6 + "/64", lladdr + "/64"} {
		h.AddAddr(t, "m0", a)
	}
	h.waitLocal(t, host6, lladdr)
	h.wire = h.tap(t, wire, packet.Options{Index: w0.Index, Filter: packet.Filter{All: true}})
	h.mark = h.tap(t, h.Namespace, packet.Options{Index: h.index})
	done := make(chan error, 1)
	go func() {
		done <- h.wire.Serve(func(b []byte) { h.seen <- append([]byte(nil), b[vnet.HeaderLen:]...) })
	}()
	t.Cleanup(func() { h.wire.Close(); <-done })
	h.port = h.open(t, Options{Local: only(host4, host6, lladdr), Index: h.index})
	return h
}

func (h *host) tap(t testing.TB, n *nstest.Namespace, o packet.Options) (p *packet.Port) {
	t.Helper()
	n.Do(t, func() (err error) { p, err = packet.Open(o); return err })
	t.Cleanup(func() { p.Close() })
	return p
}

// open opens a port to the host and closes it with the test.
func (h *host) open(t testing.TB, o Options) *Port {
	t.Helper()
	var p *Port
	h.Do(t, func() (err error) { p, err = Open(o); return err })
	t.Cleanup(func() { p.Close() })
	return p
}

// only is an Options.Local that knows just these.
func only(addrs ...string) func(netip.Addr) bool {
	set := map[netip.Addr]bool{}
	for _, a := range addrs {
		set[netip.MustParseAddr(a)] = true
	}
	return func(a netip.Addr) bool { return set[a] }
}

// waitLocal waits until the kernel routes IPv6 addresses to itself. It does so from
// a work queue, a moment after the address was added.
func (h *host) waitLocal(t testing.TB, addrs ...string) {
	t.Helper()
	wait := map[string]bool{}
	for _, a := range addrs {
		wait[a] = true
	}
	done := make(chan struct{})
	updates := make(chan netlink.RouteUpdate)
	defer func() {
		close(done)
		go func() { // the subscription may be about to deliver
			for range updates {
			}
		}()
	}()
	h.Do(t, func() error {
		return netlink.RouteSubscribeWithOptions(updates, done, netlink.RouteSubscribeOptions{ListExisting: true})
	})
	late := time.After(patience)
	for len(wait) > 0 {
		select {
		case u := <-updates:
			if u.Type == unix.RTM_NEWROUTE && u.Route.Type == unix.RTN_LOCAL && u.Dst != nil {
				delete(wait, u.Dst.IP.String())
			}
		case <-late:
			t.Fatalf("not routed: %v", wait)
		}
	}
}

// routeBack gives the host a way to the device over the wire.
func (h *host) routeBack(t testing.TB, device string) {
	t.Helper()
	ip := netip.MustParseAddr(device)
	dst := &net.IPNet{IP: ip.AsSlice(), Mask: net.CIDRMask(ip.BitLen(), ip.BitLen())}
	h.Do(t, func() error {
		if err := netlink.RouteAdd(&netlink.Route{LinkIndex: h.index, Dst: dst, Scope: netlink.SCOPE_LINK}); err != nil {
			return err
		}
		return netlink.NeighAdd(&netlink.Neigh{LinkIndex: h.index, IP: dst.IP, HardwareAddr: h.mac, State: netlink.NUD_PERMANENT})
	})
}

// answer waits for a packet of proto to the device and returns its transport part.
func (h *host) answer(t testing.TB, device string, proto byte) []byte {
	t.Helper()
	ip := netip.MustParseAddr(device)
	late := time.After(patience)
	for {
		select {
		case b := <-h.seen:
			full := append(make([]byte, vnet.HeaderLen), b...)
			switch {
			case binary.BigEndian.Uint16(b[12:]) == typeIPv4 && ip.Is4() && b[14+9] == proto && [4]byte(b[14+16:]) == ip.As4():
				return full[offIP+ipv4Len:]
			case binary.BigEndian.Uint16(b[12:]) == typeIPv6 && ip.Is6() && b[14+6] == proto && [16]byte(b[14+24:]) == ip.As16():
				return full[offIP+ipv6Len:]
			}
		case <-late:
			t.Fatalf("no answer of protocol %d to %s on the wire", proto, device)
		}
	}
}

// left returns all that has left the host so far.
func (h *host) left(t testing.TB) (frames [][]byte) {
	t.Helper()
	end := make([]byte, vnet.HeaderLen+60)
	end[offType], end[offType+1] = 0x88, 0xb5
	if err := h.mark.WriteFrame(end); err != nil {
		t.Fatal(err)
	}
	late := time.After(patience)
	for {
		select {
		case b := <-h.seen:
			if binary.BigEndian.Uint16(b[12:]) == 0x88b5 {
				return frames
			}
			frames = append(frames, b)
		case <-late:
			t.Fatal("the mark does not leave the host")
		}
	}
}

// listen opens a UDP socket on the host; dev binds it to an interface if not empty.
func (h *host) listen(t testing.TB, addr, dev string) *net.UDPConn {
	t.Helper()
	var c *net.UDPConn
	h.Do(t, func() (err error) {
		c, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(addr)))
		if err != nil || dev == "" {
			return err
		}
		raw, err := c.SyscallConn()
		if err != nil {
			return err
		}
		var opt error
		if err := raw.Control(func(fd uintptr) { opt = unix.BindToDevice(int(fd), dev) }); err != nil {
			return err
		}
		return os.NewSyscallError("SO_BINDTODEVICE", opt)
	})
	t.Cleanup(func() { c.Close() })
	c.SetReadDeadline(time.Now().Add(patience))
	return c
}

func portOf(a net.Addr) int { return int(netip.MustParseAddrPort(a.String()).Port()) }
