package rawip

import (
	"testing"

	"golang.org/x/sys/unix"
)

// TestSockets looks at what the descriptors have in common: they are not
// inherited, do not block, and queue nothing, not even their own protocol.
func TestSockets(t *testing.T) {
	h := newHost(t)
	arrived := h.rawSocket(t, unix.IPPROTO_RAW)
	own4 := sealed(udpFrame(dev4, host4, 9, nil), 9, unix.IPPROTO_RAW)
	own6 := with(udpFrame(dev6, host6, 9, nil), offIP+6, unix.IPPROTO_RAW)
	for _, b := range [][]byte{own6, own4} {
		if err := h.port.WriteFrame(b); err != nil {
			t.Fatal(err)
		}
	}
	var buf [100]byte
	if _, _, err := unix.Recvfrom(arrived, buf[:], 0); err != nil {
		t.Fatalf("nothing arrived, so nothing is tested: %v", err)
	}
	h.port.mu.RLock()
	defer h.port.mu.RUnlock()
	for _, fd := range []int{h.port.fds.ipv4, h.port.fds.probe, h.port.fds.ipv6} {
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
			t.Errorf("descriptor flags %#x, %v: it is inherited", flags, err)
		}
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0); err != nil || flags&unix.O_NONBLOCK == 0 {
			t.Errorf("status flags %#x, %v: it blocks", flags, err)
		}
		if n, _, err := unix.Recvfrom(fd, buf[:], unix.MSG_DONTWAIT); err != unix.EAGAIN {
			t.Errorf("%d bytes received, %v", n, err)
		}
		size, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF)
		if err != nil || size < 128<<10 {
			t.Errorf("send buffer of %d bytes, %v: too little for a packet", size, err)
		}
	}
}
