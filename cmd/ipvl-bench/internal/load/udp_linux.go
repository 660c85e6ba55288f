package load

import (
	"errors"
	"fmt"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// idle ends a receiver of datagrams once some have come.
const idle = 150 * time.Millisecond

func sendGSO(s Spec) (Result, error) {
	fd, err := connect(unix.SOCK_DGRAM, s.Addr)
	if err != nil {
		return Result{}, err
	}
	defer unix.Close(fd)
	if err := unix.SetsockoptInt(fd, unix.SOL_UDP, unix.UDP_SEGMENT, segment); err != nil {
		return Result{}, os.NewSyscallError("setsockopt UDP_SEGMENT", err)
	}
	b := make([]byte, segment*segments)
	return Result{}, flood(s.duration(), func() error {
		_, err := write(fd, b)
		return err
	})
}

// flood calls send for d. What a full queue or a receiver that is gone refuse
// is part of the load.
func flood(d time.Duration, send func() error) error {
	for begin := time.Now(); time.Since(begin) < d; {
		err := send()
		if err != nil && !errors.Is(err, unix.ENOBUFS) && !errors.Is(err, unix.ECONNREFUSED) && !errors.Is(err, unix.EAGAIN) {
			return fmt.Errorf("send: %w", err)
		}
	}
	return nil
}

func receiveGSO(fd int, s Spec, ready func()) (Result, error) {
	if err := unix.SetsockoptInt(fd, unix.SOL_UDP, unix.UDP_GRO, 1); err != nil {
		return Result{}, os.NewSyscallError("setsockopt UDP_GRO", err)
	}
	ready()
	b := make([]byte, 1<<16)
	return drain(fd, s, func() (int, int, error) {
		n, err := read(fd, b)
		return n, (n + segment - 1) / segment, err
	})
}

// header is struct mmsghdr.
type header struct {
	hdr unix.Msghdr
	len uint32
	_   [4]byte
}

// vector is messages of size bytes for sendmmsg and recvmmsg.
func vector(size int) []header {
	v, iov := make([]header, mmsg), make([]unix.Iovec, mmsg)
	for i := range v {
		iov[i].Base = &make([]byte, size)[0]
		iov[i].SetLen(size)
		v[i].hdr.Iov = &iov[i]
		v[i].hdr.SetIovlen(1)
	}
	return v
}

// sendPPS sends from as many sockets as there are streams: one datagram of each by turns,
// so that no two of a flow follow each other, but of a single one many at once.
func sendPPS(s Spec) (Result, error) {
	fds := make([]int, s.streams())
	for i := range fds {
		fd, err := connect(unix.SOCK_DGRAM, s.Addr)
		if err != nil {
			return Result{}, err
		}
		defer unix.Close(fd)
		fds[i] = fd
	}
	at := uintptr(1)
	if len(fds) == 1 {
		at = mmsg
	}
	v := vector(small)
	return Result{}, flood(s.duration(), func() (err error) {
		for _, fd := range fds {
			if _, e := call(unix.SYS_SENDMMSG, fd, unsafe.Pointer(&v[0]), at, 0); e != nil {
				err = e
			}
		}
		return err
	})
}

func receivePPS(fd int, s Spec, ready func()) (Result, error) {
	v := vector(small * 4)
	ready()
	return drain(fd, s, func() (int, int, error) {
		n, err := call(unix.SYS_RECVMMSG, fd, unsafe.Pointer(&v[0]), mmsg, unix.MSG_WAITFORONE)
		return n * small, n, err
	})
}

// drain receives until nothing comes for a while, or for much longer than the
// client sends. receive returns bytes and datagrams.
func drain(fd int, s Spec, receive func() (int, int, error)) (Result, error) {
	var r Result
	var begin, end time.Time
	for limit := time.Now().Add(s.duration() + 2*Patience); time.Now().Before(limit); {
		n, packets, err := receive()
		if errors.Is(err, unix.EAGAIN) {
			break
		}
		if err != nil {
			return r, fmt.Errorf("receive: %w", err)
		}
		end = time.Now()
		if begin.IsZero() {
			begin = end
			tv := unix.NsecToTimeval(int64(idle))
			if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv); err != nil {
				return r, os.NewSyscallError("setsockopt", err)
			}
		}
		r.Bytes += uint64(n)
		r.Packets += uint64(packets)
	}
	if r.Packets == 0 {
		return r, errors.New("nothing arrived")
	}
	// A few that trickle in say nothing about a rate: what was sent took at least its time.
	r.Seconds = max(end.Sub(begin).Seconds(), s.Seconds/2)
	return r, nil
}
