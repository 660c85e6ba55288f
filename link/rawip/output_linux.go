package rawip

import (
	"errors"
	"sync"
	"unsafe"

	"github.com/ipvl/ipvl/link/internal/fdio"
	"github.com/ipvl/ipvl/link/vnet"
	"golang.org/x/sys/unix"
)

// ErrScope says that a packet is not what an Output sends: from and to unicast
// addresses that are not loopback, nor link-local ones of IPv6.
var ErrScope = errors.New("rawip: not a packet between unicast addresses of global scope")

// ErrNoRoute says that the host has no route to the destination, or a broadcast one.
var ErrNoRoute = errors.New("rawip: the host has no route to the destination")

// Output sends packets as the host would send its own, source address and TTL
// or hop limit left alone: by the host's routes and rules, through whatever
// interface these say, through OUTPUT and POSTROUTING. It is for what devices
// in l3 mode send through another interface than their master: IPv6, which the
// kernel's driver sends so, too (ip6_local_out), and IPv4 where the routes are looked
// up in full. It is a byte port as Port is; its methods may be called from any
// goroutine.
type Output struct {
	mu sync.RWMutex
	// +checklocks:mu
	ipv4, ipv6 int // descriptors; ipv6 is -1 on a host without
	// +checklocks:mu
	closed bool

	stats counters
}

// OpenOutput opens an output of the network namespace of the calling thread,
// which it keeps alive. It needs CAP_NET_RAW in the user namespace that owns the
// network namespace. The error is an *Error.
func OpenOutput() (*Output, error) {
	fd4, err := open(unix.AF_INET)
	if err != nil {
		return nil, &Error{Op: "open IPv4 socket (CAP_NET_RAW is needed)", Err: err}
	}
	// Gateways are what this is for.
	if err := unix.SetsockoptInt(fd4, unix.SOL_SOCKET, unix.SO_DONTROUTE, 0); err != nil {
		unix.Close(fd4)
		return nil, &Error{Op: "clear SO_DONTROUTE", Err: err}
	}
	fd6, err := openOutput6()
	if err != nil {
		unix.Close(fd4)
		return nil, err
	}
	return &Output{ipv4: fd4, ipv6: fd6}, nil
}

// openOutput6 opens the IPv6 half, -1 on a host without IPv6.
func openOutput6() (int, error) {
	fd, err := open(unix.AF_INET6)
	if errors.Is(err, unix.EAFNOSUPPORT) {
		return -1, nil // ipv6.disable=1
	}
	if err != nil {
		return -1, &Error{Op: "open IPv6 socket (CAP_NET_RAW is needed)", Err: err}
	}
	// The source of a packet is the key of the host's rules, and not the host's.
	if err := unix.SetsockoptInt(fd, unix.SOL_IPV6, unix.IPV6_FREEBIND, 1); err != nil {
		unix.Close(fd)
		return -1, &Error{Op: "set IPV6_FREEBIND", Err: err}
	}
	return fd, nil
}

// WriteFrame sends the IP packet in one frame: virtio-net header and
// Ethernet frame, of which the MAC addresses are not looked at. It does not
// wait. An error means that the frame is lost.
func (o *Output) WriteFrame(frame []byte) error { return o.WriteVec([][]byte{frame}) }

// WriteVec is WriteFrame for a frame in pieces; the first starts with the
// virtio-net header.
func (o *Output) WriteVec(pieces [][]byte) error {
	t, total, err := inspectPieces(pieces)
	if err == nil {
		err = routable(&t)
	}
	if err == nil {
		var room [fdio.VecMax]unix.Iovec
		iov, _ := fdio.Vector(room[:0], pieces, offIP, t.size)
		err = o.send(&t, iov)
	}
	switch {
	case err == nil:
		o.stats.txFrames.Add(1)
		o.stats.txBytes.Add(uint64(total - vnet.HeaderLen))
	case errors.Is(err, ErrFull):
		o.stats.txFull.Add(1)
	default:
		o.stats.txErrors.Add(1)
	}
	return err
}

func routable(t *target) error {
	if !unicast(t.dst) || !unicast(t.src) {
		return ErrScope
	}
	if !t.dst.Is4() && (t.dst.IsLinkLocalUnicast() || t.src.IsLinkLocalUnicast()) {
		return ErrScope
	}
	return nil
}

// send sends the packet in iov.
func (o *Output) send(t *target, iov []unix.Iovec) error {
	o.mu.RLock()
	defer o.mu.RUnlock()
	if o.closed {
		return ErrClosed
	}
	err := ErrNoIPv6
	switch {
	case t.dst.Is4():
		err = output4(o.ipv4, t, iov)
	case o.ipv6 >= 0:
		err = sendmsg6(o.ipv6, t.dst, t.src, 0, iov)
	}
	if errors.Is(err, ErrNotLocal) {
		return ErrNoRoute // what failure makes of the same numbers for Port
	}
	return err
}

// pktinfo4 is a control message IP_PKTINFO.
type pktinfo4 struct {
	hdr  unix.Cmsghdr
	info unix.Inet4Pktinfo
}

// output4 is sendmsg6 for IPv4. The control message names the packet's source for the
// route look-up, as rules by source need it; that of a raw socket is not verified
// (FLOWI_FLAG_ANYSRC).
func output4(fd int, t *target, iov []unix.Iovec) error {
	sa := unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: t.dst.As4()}
	ctl := pktinfo4{
		hdr:  unix.Cmsghdr{Level: unix.IPPROTO_IP, Type: unix.IP_PKTINFO},
		info: unix.Inet4Pktinfo{Spec_dst: t.src.As4()},
	}
	ctl.hdr.SetLen(unix.CmsgLen(int(unsafe.Sizeof(ctl.info))))
	msg := unix.Msghdr{
		Name: (*byte)(unsafe.Pointer(&sa)), Namelen: uint32(unsafe.Sizeof(sa)), Iov: unsafe.SliceData(iov),
		Control: (*byte)(unsafe.Pointer(&ctl)),
	}
	msg.SetControllen(int(unsafe.Sizeof(ctl)))
	msg.SetIovlen(len(iov))
	return sendmsg(fd, &msg)
}

// Features is 0: the kernel takes finished packets only.
func (o *Output) Features() vnet.Features { return 0 }

// Stats returns the counters.
func (o *Output) Stats() Stats {
	c := &o.stats
	return Stats{TxFrames: c.txFrames.Load(), TxBytes: c.txBytes.Load(), TxFull: c.txFull.Load(), TxErrors: c.txErrors.Load()}
}

// Close closes the sockets. Closing again does nothing.
func (o *Output) Close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return nil
	}
	o.closed = true
	fds := sockets{o.ipv4, o.ipv6, -1}
	if err := fds.close(); err != nil {
		return &Error{Op: "close", Err: err}
	}
	return nil
}
