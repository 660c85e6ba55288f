package rawip

import (
	"net/netip"
	"unsafe"

	"github.com/ipvl/ipvl/link/internal/fdio"
	"github.com/ipvl/ipvl/link/vnet"
	"golang.org/x/sys/unix"
)

// WriteFrame hands the host the IP packet in one frame: virtio-net header and
// Ethernet frame. The MAC addresses are not looked at. It does not wait. An error means
// that the frame is lost: one of this package's, or a syscall.Errno.
func (p *Port) WriteFrame(frame []byte) error {
	t, err := inspect(frame[:min(len(frame), headMax)], len(frame))
	if err == nil {
		err = p.opts.admit(&t)
	}
	if err != nil {
		return p.lost(err)
	}
	iov := [1]unix.Iovec{{Base: &frame[offIP]}}
	iov[0].SetLen(t.size)
	return p.send(&t, iov[:], len(frame))
}

// WriteVec is WriteFrame for a frame in pieces; the first starts with the
// virtio-net header. Up to 32 pieces are sent without allocation; more than
// 1024 (UIO_MAXIOV) are refused as too long.
func (p *Port) WriteVec(pieces [][]byte) error {
	t, total, err := inspectPieces(pieces)
	if err == nil {
		err = p.opts.admit(&t)
	}
	if err != nil {
		return p.lost(err)
	}
	var room [fdio.VecMax]unix.Iovec
	iov, _ := fdio.Vector(room[:0], pieces, offIP, t.size)
	return p.send(&t, iov, total)
}

// inspectPieces is inspect for a frame in pieces, whose length it returns, too.
func inspectPieces(pieces [][]byte) (t target, total int, err error) {
	var buf [headMax]byte
	n := 0
	for _, b := range pieces {
		n += copy(buf[n:], b)
		total += len(b)
	}
	t, err = inspect(buf[:n], total)
	return t, total, err
}

// send sends the packet in iov and counts it; frame is the length that the frame had.
func (p *Port) send(t *target, iov []unix.Iovec, frame int) error {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.closed {
		return ErrClosed
	}
	var err error
	if t.dst.Is4() {
		err = p.fds.send4(t.dst, iov)
	} else {
		err = p.fds.send6(t.dst, p.opts.Index, iov)
	}
	if err != nil {
		return p.lost(err)
	}
	p.stats.txFrames.Add(1)
	p.stats.txBytes.Add(uint64(frame - vnet.HeaderLen))
	return nil
}

// send4 sends an IPv4 packet, if dst is still local. The route look-up of a
// raw socket does not verify a source (FLOWI_FLAG_ANYSRC), so the way of send6 is
// closed; a raw socket can be bound again and again, though (raw_bind).
func (s *sockets) send4(dst netip.Addr, iov []unix.Iovec) error {
	sa := unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: dst.As4()}
	_, _, errno := unix.Syscall(unix.SYS_BIND, uintptr(s.probe), uintptr(unsafe.Pointer(&sa)), unsafe.Sizeof(sa))
	if errno != 0 {
		return failure(errno)
	}
	msg := unix.Msghdr{Name: (*byte)(unsafe.Pointer(&sa)), Namelen: uint32(unsafe.Sizeof(sa)), Iov: unsafe.SliceData(iov)}
	msg.SetIovlen(len(iov))
	return sendmsg(s.ipv4, &msg)
}

// pktinfo is a control message IPV6_PKTINFO.
type pktinfo struct {
	hdr  unix.Cmsghdr
	info unix.Inet6Pktinfo
}

// send6 sends an IPv6 packet, if dst is local. The control message
// asks for dst as the packet's source, which the kernel refuses for addresses
// that it does not have (ip6_datagram_send_ctl) and which has no effect beyond the
// route look-up, because the packet brings its header.
func (s *sockets) send6(dst netip.Addr, index int, iov []unix.Iovec) error {
	if s.ipv6 < 0 {
		return ErrNoIPv6
	}
	scope := 0
	if dst.IsLinkLocalUnicast() {
		scope = index
	}
	return sendmsg6(s.ipv6, dst, dst, scope, iov)
}

// sendmsg6 sends an IPv6 packet to dst, on the link scope if that is not 0. The control
// message names source for the route look-up.
func sendmsg6(fd int, dst, source netip.Addr, scope int, iov []unix.Iovec) error {
	sa := unix.RawSockaddrInet6{Family: unix.AF_INET6, Addr: dst.As16(), Scope_id: uint32(scope)}
	ctl := pktinfo{
		hdr:  unix.Cmsghdr{Level: unix.IPPROTO_IPV6, Type: unix.IPV6_PKTINFO},
		info: unix.Inet6Pktinfo{Addr: source.As16()},
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

func sendmsg(fd int, msg *unix.Msghdr) error {
	_, _, errno := unix.Syscall(unix.SYS_SENDMSG, uintptr(fd), uintptr(unsafe.Pointer(msg)), unix.MSG_DONTWAIT)
	if errno != 0 {
		return failure(errno)
	}
	return nil
}

// failure names the reason why the kernel did not send. It does not allocate.
func failure(errno unix.Errno) error {
	switch errno {
	case unix.EAGAIN, unix.ENOBUFS, unix.ENOMEM:
		return ErrFull
	case unix.EMSGSIZE:
		return ErrTooLong
	case unix.EPERM:
		return ErrFiltered
	case unix.EADDRNOTAVAIL, unix.EINVAL, unix.ENODEV, // no such address, no such scope
		unix.ENETUNREACH, unix.EHOSTUNREACH, unix.EACCES: // not connected, broadcast
		return ErrNotLocal
	}
	return errno
}

// lost counts a frame that was not sent.
func (p *Port) lost(err error) error {
	switch err {
	case ErrNotLocal:
		p.stats.txNotLocal.Add(1)
	case ErrFull:
		p.stats.txFull.Add(1)
	default:
		p.stats.txErrors.Add(1)
	}
	return err
}
