package packet

import (
	"os"
	"sync"
	"sync/atomic"

	"github.com/ipvl/ipvl/link/vnet"
	"golang.org/x/sys/unix"
)

// Port is one open packet socket. Its methods may be called from any
// goroutine and any network namespace; Serve by one goroutine at a time.
type Port struct {
	index    int
	features vnet.Features
	file     *os.File
	fd       int // of file; valid under mu while !closed

	mu     sync.RWMutex // see the package comment
	closed atomic.Bool  // set under mu; Serve reads it without

	stats counters
	drops kernelDrops // +checklocks:mu
}

// counters is Stats while the port runs.
type counters struct {
	rxFrames, rxBytes, rxTruncated, rxRefused atomic.Uint64
	txFrames, txBytes, txFull, txErrors       atomic.Uint64
}

// Open opens a port on an Ethernet interface. It needs CAP_NET_RAW in the user
// namespace that owns the network namespace. The interface may be down. The
// error is an *Error.
func Open(o Options) (*Port, error) {
	fail := func(op string, err error) (*Port, error) {
		return nil, &Error{Op: op, Index: o.Index, Err: err}
	}
	prog, err := Program(o.Filter)
	if err != nil {
		return fail("compile filter", err)
	}
	// Protocol 0 receives nothing yet, so no frame precedes the filter.
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return fail("open socket (CAP_NET_RAW is needed)", err)
	}
	if op, err := setUp(fd, o, prog); err != nil {
		unix.Close(fd)
		return fail(op, err)
	}
	return newPort(fd, o.Index), nil
}

// newPort takes over fd, a socket that is set up.
func newPort(fd, index int) *Port {
	return &Port{index: index, features: features(), file: os.NewFile(uintptr(fd), "packet"), fd: fd}
}

// Features says what may be written: the kernel completes it in software where
// the interface cannot.
func (p *Port) Features() vnet.Features { return p.features }

// SetFilter replaces the filter in one step: each frame is judged by the old or
// the new one. Frames that are queued already stay. The error is an *Error.
func (p *Port) SetFilter(f Filter) error {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.closed.Load() {
		return p.fail("set filter", ErrClosed)
	}
	if err := attach(p.fd, f); err != nil {
		return p.fail("set filter", err)
	}
	return nil
}

// Stats returns the counters. After Close they are the last ones.
func (p *Port) Stats() Stats {
	p.mu.RLock()
	defer p.mu.RUnlock()
	c := &p.stats
	return Stats{
		RxFrames:    c.rxFrames.Load(),
		RxBytes:     c.rxBytes.Load(),
		RxTruncated: c.rxTruncated.Load(),
		RxRefused:   c.rxRefused.Load(),
		RxDropped:   p.drops.read(p.fd, p.closed.Load()),
		TxFrames:    c.txFrames.Load(),
		TxBytes:     c.txBytes.Load(),
		TxFull:      c.txFull.Load(),
		TxErrors:    c.txErrors.Load(),
	}
}

// Close closes the socket and makes Serve return nil. When Close returns,
// nothing is written any more. Closing again does nothing. It may
// be called from Serve's handle.
func (p *Port) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed.Load() {
		return nil
	}
	p.drops.read(p.fd, false)
	p.closed.Store(true)
	if err := p.file.Close(); err != nil {
		return p.fail("close", err)
	}
	return nil
}

func (p *Port) fail(op string, err error) error {
	return &Error{Op: op, Index: p.index, Err: err}
}

// kernelDrops adds up a counter that the kernel sets to zero when it is read.
type kernelDrops struct {
	mu  sync.Mutex
	sum uint64 // +checklocks:mu
}

// read returns the sum, brought up to date unless the socket is closed.
func (k *kernelDrops) read(fd int, closed bool) uint64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !closed {
		if s, err := unix.GetsockoptTpacketStats(fd, unix.SOL_PACKET, unix.PACKET_STATISTICS); err == nil {
			k.sum += uint64(s.Drops)
		}
	}
	return k.sum
}
