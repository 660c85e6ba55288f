package tap

import (
	"os"
	"sync/atomic"

	"github.com/ipvl/ipvl/link/internal/fdio"
	"github.com/ipvl/ipvl/link/vnet"
	"golang.org/x/sys/unix"
)

// Port is one queue of a TAP device. Its methods may be called from any
// goroutine; Serve by one goroutine at a time.
type Port struct {
	granted  vnet.Features
	features vnet.Features
	file     *fdio.File
	rings    *Rings   // or nil
	buffers  *Buffers // or nil
	stats    counters
}

// counters is Stats while the port runs, but for what the file counts.
type counters struct {
	rxMalformed, txDown, txErrors atomic.Uint64
}

// New makes a port of f, a descriptor of /dev/net/tun that is attached to an
// interface with IFF_TAP, IFF_NO_PI and IFF_VNET_HDR and does not block. It sets
// the header to 10 bytes and asks for offloads. The port owns f if there is no
// error. The error is an *Error.
//
// Make f of the descriptor (os.NewFile) after TUNSETIFF, not before: the poller never
// hears of a descriptor that was not attached when it was registered
// (tun_chr_poll).
func New(f *os.File, o Options) (*Port, error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return nil, &Error{Op: "new", Err: err}
	}
	var p *Port
	// Not f.Fd: the descriptor must stay open meanwhile.
	cerr := conn.Control(func(fd uintptr) { p, err = attach(f, int(fd), o) })
	if err == nil {
		err = cerr
	}
	if err != nil {
		return nil, &Error{Op: "new", Err: err}
	}
	return p, nil
}

// attach checks and sets up fd, the descriptor of f.
func attach(f *os.File, fd int, o Options) (*Port, error) {
	if err := check(fd); err != nil {
		return nil, err
	}
	if err := setHeader(fd); err != nil {
		return nil, err
	}
	features, err := offload(fd, vnet.FeaturesAll)
	if err != nil {
		return nil, err
	}
	granted := features
	if o.Without != 0 {
		if granted, err = offload(fd, features&^o.Without); err != nil {
			return nil, err
		}
	}
	// What the kernel can leave open it can also complete, granted or not. Only
	// UDP segmentation is younger than the rest (6.2).
	features |= vnet.FeaturesAll &^ vnet.FeatureUSO
	p := newPort(f, fd, granted, features)
	p.buffers = o.Buffers
	if o.Rings.Take(fd) {
		p.rings = o.Rings
	}
	return p, nil
}

func newPort(f *os.File, fd int, granted, features vnet.Features) *Port {
	return &Port{granted: granted, features: features, file: fdio.NewFile(f, fd)}
}

// Features says what may be written: the kernel completes the rest.
func (p *Port) Features() vnet.Features { return p.features }

// Granted says what frames that are read may have left open.
func (p *Port) Granted() vnet.Features { return p.granted }

// Ringed says whether many small frames are read and written by one system call.
func (p *Port) Ringed() bool { return p.rings != nil }

// Stats returns the counters. After Close they are the last ones.
func (p *Port) Stats() Stats {
	f, c := p.file, &p.stats
	return Stats{
		RxFrames:    f.RxFrames.Load(),
		RxBytes:     f.RxBytes.Load(),
		RxMalformed: c.rxMalformed.Load(),
		TxFrames:    f.TxFrames.Load(),
		TxBytes:     f.TxBytes.Load(),
		TxDown:      c.txDown.Load(),
		TxErrors:    c.txErrors.Load(),
	}
}

// Close closes the descriptor and makes Serve return nil. When Close returns,
// nothing is written any more. Closing again does nothing. It may be called from
// Serve's handle.
func (p *Port) Close() error {
	if err := p.file.Close(nil); err != nil {
		return &Error{Op: "close", Err: err}
	}
	return nil
}

// check tells whether fd is what New wants.
func check(fd int) error {
	ifr, err := unix.NewIfreq("")
	if err != nil {
		return err
	}
	if err := unix.IoctlIfreq(fd, unix.TUNGETIFF, ifr); err != nil {
		return ErrNotTAP
	}
	const want = unix.IFF_NO_PI | unix.IFF_VNET_HDR
	switch flags := ifr.Uint16(); {
	case flags&unix.IFF_TAP == 0:
		return ErrNotTAP
	case flags&want != want:
		return ErrFlags
	}
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err == nil && flags&unix.O_NONBLOCK == 0 {
		return ErrBlocking
	}
	return err
}
