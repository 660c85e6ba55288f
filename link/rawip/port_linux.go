package rawip

import (
	"errors"
	"sync"
	"sync/atomic"

	"github.com/ipvl/ipvl/link/internal/fdio"
	"github.com/ipvl/ipvl/link/vnet"
	"golang.org/x/sys/unix"
)

// sndBuf is the send buffer in bytes as the kernel accounts them. Packets leave it
// at once, but one of 64 KiB takes 128 KiB, and there may be many writers.
const sndBuf = 4 << 20

// Port sends to the IP stack of one network namespace. Its methods may be called
// from any goroutine and any network namespace.
type Port struct {
	opts Options

	mu sync.RWMutex // see the package comment
	// +checklocks:mu
	fds sockets // until closed
	// +checklocks:mu
	closed bool

	stats counters
}

// sockets are the descriptors of a port; -1 is none.
type sockets struct {
	ipv4, ipv6 int
	// probe is bound to IPv4 addresses, to ask the kernel whether they are local.
	probe int
}

// counters is Stats while the port runs.
type counters struct {
	txFrames, txBytes, txNotLocal, txFull, txErrors atomic.Uint64
}

// Open opens a port to the network namespace of the calling thread, which the port keeps
// alive. It needs CAP_NET_RAW in the user namespace that owns the network
// namespace. The error is an *Error.
func Open(o Options) (*Port, error) {
	fds := sockets{-1, -1, -1}
	for _, s := range []struct {
		fd     *int
		family int
		op     string
	}{
		{&fds.ipv4, unix.AF_INET, "open IPv4 socket (CAP_NET_RAW is needed)"},
		{&fds.probe, unix.AF_INET, "open second IPv4 socket"},
		{&fds.ipv6, unix.AF_INET6, "open IPv6 socket"},
	} {
		fd, err := open(s.family)
		if s.family == unix.AF_INET6 && errors.Is(err, unix.EAFNOSUPPORT) {
			break // ipv6.disable=1
		}
		if err != nil {
			_ = fds.close()
			return nil, &Error{Op: s.op, Err: err}
		}
		*s.fd = fd
	}
	return &Port{opts: o, fds: fds}, nil
}

// open opens one raw socket that takes whole packets and receives none.
func open(family int) (int, error) {
	// IPPROTO_RAW switches IP_HDRINCL and IPV6_HDRINCL on.
	fd, err := unix.Socket(family, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.IPPROTO_RAW)
	if err != nil {
		return -1, err
	}
	if err := setUp(fd, family); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func setUp(fd, family int) error {
	// Packets of protocol 255 would fill the receive buffer for nothing.
	drop := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K}
	if err := unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: 1, Filter: &drop}); err != nil {
		return err
	}
	// A smaller buffer will do, so whatever the system allows (net.core.wmem_max) is fine.
	if err := fdio.SetBuffer(fd, unix.SO_SNDBUFFORCE, unix.SO_SNDBUF, sndBuf); err != nil {
		return err
	}
	if family != unix.AF_INET {
		return nil // SO_DONTROUTE has no effect there
	}
	return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DONTROUTE, 1)
}

// close closes what is open.
func (s *sockets) close() error {
	var errs []error
	for _, fd := range []int{s.ipv4, s.ipv6, s.probe} {
		if fd >= 0 {
			errs = append(errs, unix.Close(fd))
		}
	}
	return errors.Join(errs...)
}

// Features is 0: the kernel takes finished packets only.
func (p *Port) Features() vnet.Features { return 0 }

// Stats returns the counters. After Close they are the last ones.
func (p *Port) Stats() Stats {
	c := &p.stats
	return Stats{
		TxFrames:   c.txFrames.Load(),
		TxBytes:    c.txBytes.Load(),
		TxNotLocal: c.txNotLocal.Load(),
		TxFull:     c.txFull.Load(),
		TxErrors:   c.txErrors.Load(),
	}
}

// Close closes the sockets. When it returns, nothing is written any more.
// Closing again does nothing. Options.Local may call it.
func (p *Port) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil
	}
	p.closed = true
	if err := p.fds.close(); err != nil {
		return &Error{Op: "close", Err: err}
	}
	return nil
}
