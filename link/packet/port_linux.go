package packet

import (
	"os"
	"sync"
	"sync/atomic"

	"github.com/ipvl/ipvl/link/internal/fdio"
	"github.com/ipvl/ipvl/link/vnet"
	"golang.org/x/sys/unix"
)

// Port is one open packet socket. Its methods may be called from any
// goroutine and any network namespace; Serve by one goroutine at a time.
type Port struct {
	index    int
	features vnet.Features
	buffers  *Buffers // or nil
	rings    *Rings   // or nil
	file     *fdio.File
	stats    counters
	drops    kernelDrops
}

// counters is Stats while the port runs, but for what the file counts.
type counters struct {
	rxTruncated, rxRefused, txFull, txErrors atomic.Uint64
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
	p := newPort(fd, o.Index)
	p.buffers = o.Buffers
	if o.Rings.Take(fd) {
		p.rings = o.Rings
	}
	return p, nil
}

// newPort takes over fd, a socket that is set up.
func newPort(fd, index int) *Port {
	return &Port{index: index, features: features(), file: fdio.NewFile(os.NewFile(uintptr(fd), "packet"), fd)}
}

// Features says what may be written: the kernel completes it in software where
// the interface cannot.
func (p *Port) Features() vnet.Features { return p.features }

// SetFilter replaces the filter in one step: each frame is judged by the old or
// the new one. Frames that are queued already stay. The error is an *Error.
func (p *Port) SetFilter(f Filter) error {
	err := ErrClosed
	p.file.Use(func(fd int) { err = attach(fd, f) })
	if err != nil {
		return p.fail("set filter", err)
	}
	return nil
}

// Ringed says whether many small frames are written by one system call.
func (p *Port) Ringed() bool { return p.rings != nil }

// Stats returns the counters. After Close they are the last ones.
func (p *Port) Stats() Stats {
	p.file.Use(p.drops.update)
	f, c := p.file, &p.stats
	return Stats{
		RxFrames:    f.RxFrames.Load(),
		RxBytes:     f.RxBytes.Load(),
		RxTruncated: c.rxTruncated.Load(),
		RxRefused:   c.rxRefused.Load(),
		RxDropped:   p.drops.load(),
		TxFrames:    f.TxFrames.Load(),
		TxBytes:     f.TxBytes.Load(),
		TxFull:      c.txFull.Load(),
		TxErrors:    c.txErrors.Load(),
	}
}

// Close closes the socket and makes Serve return nil. When Close returns,
// nothing is written any more. Closing again does nothing. It may
// be called from Serve's handle.
func (p *Port) Close() error {
	if err := p.file.Close(p.drops.update); err != nil {
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

// update adds what the socket fd counted since it was last asked.
func (k *kernelDrops) update(fd int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if s, err := unix.GetsockoptTpacketStats(fd, unix.SOL_PACKET, unix.PACKET_STATISTICS); err == nil {
		k.sum += uint64(s.Drops)
	}
}

// load returns the sum.
func (k *kernelDrops) load() uint64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.sum
}
