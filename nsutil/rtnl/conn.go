package rtnl

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sys/unix"
)

// KernelError is the kernel's refusal of a request.
type KernelError struct {
	Errno unix.Errno
	// Text is the extended acknowledgement: "mtu greater than device
	// maximum"; often empty.
	Text string
}

// Error returns the text, if there is one, and the errno's.
func (e *KernelError) Error() string {
	if e.Text == "" {
		return e.Errno.Error()
	}
	return fmt.Sprintf("%s (%v)", e.Text, e.Errno)
}

// Unwrap returns the Errno.
func (e *KernelError) Unwrap() error { return e.Errno }

// ErrInterrupted says that what was dumped changed meanwhile: what was read
// is not of one moment.
var ErrInterrupted = errors.New("rtnetlink dump was interrupted by a change")

const (
	recvBuffer   = 32 << 10 // dumps come in that at most; a link with many VFs is a larger answer
	dumpIntr     = 0x10     // NLM_F_DUMP_INTR
	flagCapped   = 0x100
	flagAckTLVs  = 0x200
	extAckText   = 1 // NLMSGERR_ATTR_MSG
	sizeofNlErr  = 4
	errorHeaders = sizeofNlErr + headerLen
)

// Conn asks rtnetlink questions, in the namespace of the thread that dialled
// it. It keeps that namespace alive. Methods may be called by any goroutine;
// one request is under way at a time.
type Conn struct {
	mu sync.Mutex
	// +checklocks:mu
	fd int // -1: closed
	// +checklocks:mu
	seq uint32
}

// Dial opens a Conn in the namespace of the calling thread.
func Dial() (*Conn, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open rtnetlink: %w", err)
	}
	// Both only make answers better; kernels before 4.12 lack them.
	_ = unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_EXT_ACK, 1)
	_ = unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_CAP_ACK, 1)
	return &Conn{fd: fd}, nil
}

// Close closes c. Idempotent.
func (c *Conn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fd < 0 {
		return nil
	}
	fd := c.fd
	c.fd = -1
	return unix.Close(fd)
}

// Do makes one request that is answered by an acknowledgement, or a refusal
// (*KernelError). flags go with NLM_F_REQUEST and NLM_F_ACK.
func (c *Conn) Do(typ, flags uint16, body []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.exchange(typ, flags|unix.NLM_F_ACK, body, func(Message) error { return nil })
}

// Get makes one request that is answered by messages; fn is called with each.
// Their data is borrowed for the call.
func (c *Conn) Get(typ uint16, body []byte, fn func(Message) error) error {
	return c.ask(typ, unix.NLM_F_ACK, body, fn)
}

// Dump asks for all of something. ErrInterrupted comes after the last
// message; the rest is as with Get.
func (c *Conn) Dump(typ uint16, body []byte, fn func(Message) error) error {
	return c.ask(typ, unix.NLM_F_DUMP, body, fn)
}

func (c *Conn) ask(typ, flags uint16, body []byte, fn func(Message) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.exchange(typ, flags, body, fn)
}

// exchange sends a request and reads until its end. What fn refuses is
// returned, but only after the rest was read, so that the next request finds
// the socket empty.
//
// +checklocks:c.mu
func (c *Conn) exchange(typ, flags uint16, body []byte, fn func(Message) error) error {
	if c.fd < 0 {
		return unix.EBADF
	}
	buf := make([]byte, recvBuffer) // not kept: a Conn may live as long as a device
	c.seq++
	if err := unix.Sendto(c.fd, request(typ, flags, c.seq, body), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return fmt.Errorf("send to rtnetlink: %w", err)
	}
	end := answer{seq: c.seq, fn: fn}
	for !end.done {
		size, _, _, _, err := unix.Recvmsg(c.fd, nil, nil, unix.MSG_PEEK|unix.MSG_TRUNC)
		if err == nil {
			if size > len(buf) {
				buf = make([]byte, size)
			}
			size, _, _, _, err = unix.Recvmsg(c.fd, buf, nil, 0)
		}
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return fmt.Errorf("receive from rtnetlink: %w", err)
		}
		end.read(buf[:size])
	}
	return end.err
}

// request puts struct nlmsghdr before body.
func request(typ, flags uint16, seq uint32, body []byte) []byte {
	b := make([]byte, headerLen, headerLen+len(body))
	binary.NativeEndian.PutUint32(b, uint32(headerLen+len(body)))
	binary.NativeEndian.PutUint16(b[4:], typ)
	binary.NativeEndian.PutUint16(b[6:], flags|unix.NLM_F_REQUEST)
	binary.NativeEndian.PutUint32(b[8:], seq)
	return append(b, body...)
}

// answer collects what comes back for one request.
type answer struct {
	seq  uint32
	fn   func(Message) error
	done bool
	err  error
}

// read takes one datagram.
func (a *answer) read(b []byte) {
	for {
		m, rest, ok := Next(b)
		if !ok {
			return
		}
		b = rest
		if m.Seq == a.seq {
			a.message(m)
		}
	}
}

func (a *answer) message(m Message) {
	if m.Flags&dumpIntr != 0 && a.err == nil {
		a.err = ErrInterrupted
	}
	switch m.Type {
	case unix.NLMSG_DONE:
		a.done = true
		a.fail(parseError(m))
	case unix.NLMSG_ERROR:
		a.done = true
		a.fail(parseError(m))
	case unix.NLMSG_NOOP, unix.NLMSG_OVERRUN:
	default:
		if a.err == nil || a.err == ErrInterrupted {
			a.fail(a.fn(m))
		}
	}
}

// fail notes the first error; an interruption counts less than any other.
func (a *answer) fail(err error) {
	if err != nil && (a.err == nil || a.err == ErrInterrupted) {
		a.err = err
	}
}

// parseError reads NLMSG_ERROR or NLMSG_DONE: nil for success.
func parseError(m Message) error {
	errno := i32(m.Data)
	if errno >= 0 {
		return nil
	}
	e := &KernelError{Errno: unix.Errno(-errno)}
	skip := sizeofNlErr
	if m.Type == unix.NLMSG_ERROR {
		skip = errorHeaders
		if m.Flags&flagCapped == 0 && len(m.Data) >= errorHeaders {
			skip = sizeofNlErr + align(int(min(u32(m.Data[sizeofNlErr:]), uint32(len(m.Data)))))
		}
	}
	if m.Flags&flagAckTLVs == 0 || skip > len(m.Data) {
		return e
	}
	as := attrs(m.Data[skip:])
	for typ, b, ok := as.next(); ok; typ, b, ok = as.next() {
		if typ == extAckText {
			e.Text = str(b)
		}
	}
	return e
}
