package verify

import (
	"encoding/binary"
	"errors"
	"os"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/ipvl/ipvl/link/internal/nstest"
	"golang.org/x/sys/unix"
)

// patience is how long a frame that has to come is waited for, on a machine that may have other things
// to do.
const patience = time.Minute

// socket is a packet socket on an interface: what a workload or a host would be. It keeps what
// comes.
type socket struct {
	file *os.File

	mu   sync.Mutex
	more sync.Cond
	got  *flows // +checklocks:mu
	err  error  // +checklocks:mu
}

// newSocket opens one on an interface of ns.
func newSocket(t testing.TB, ns *nstest.Namespace, name string) *socket {
	t.Helper()
	index, fd := ns.Attrs(t, name).Index, -1
	ns.Do(t, func() (err error) {
		if fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		for _, opt := range []int{unix.PACKET_VNET_HDR, unix.PACKET_AUXDATA, unix.PACKET_IGNORE_OUTGOING} {
			err = errors.Join(err, unix.SetsockoptInt(fd, unix.SOL_PACKET, opt, 1))
		}
		for _, opt := range []int{unix.SO_RCVBUF, unix.SO_SNDBUF} { // cut down to what is permitted
			err = errors.Join(err, unix.SetsockoptInt(fd, unix.SOL_SOCKET, opt, 8<<20))
		}
		all := binary.NativeEndian.Uint16([]byte{0, unix.ETH_P_ALL})
		return errors.Join(err, unix.Bind(fd, &unix.SockaddrLinklayer{Ifindex: index, Protocol: all}))
	})
	s := &socket{file: os.NewFile(uintptr(fd), name), got: newFlows()}
	s.more.L = &s.mu
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.read()
	}()
	t.Cleanup(func() {
		s.file.Close()
		<-done
	})
	return s
}

// read keeps what comes until the socket is closed.
func (s *socket) read() {
	conn, err := s.file.SyscallConn()
	if err != nil {
		return
	}
	b, oob := make([]byte, 1<<17), make([]byte, 256)
	for {
		var n, m int
		err := conn.Read(func(fd uintptr) bool {
			var errno error
			n, m, _, _, errno = unix.Recvmsg(int(fd), b, oob, unix.MSG_DONTWAIT)
			return !errors.Is(errno, unix.EAGAIN) && !errors.Is(errno, unix.EINTR)
		})
		if err != nil {
			return
		}
		if n > 0 {
			s.keep(retag(b[:n], oob[:m]))
		}
	}
}

// retag puts the VLAN tag back that the kernel took off.
func retag(frame, oob []byte) []byte {
	all, err := unix.ParseSocketControlMessage(oob)
	if err != nil || len(all) == 0 || len(all[0].Data) < int(unsafe.Sizeof(unix.TpacketAuxdata{})) {
		return frame
	}
	aux := (*unix.TpacketAuxdata)(unsafe.Pointer(&all[0].Data[0]))
	if aux.Status&unix.TP_STATUS_VLAN_VALID == 0 {
		return frame
	}
	w, eth, err := split(frame)
	if err != nil {
		return frame
	}
	if w.start += 4; w.flags&needsCsum == 0 {
		w.start = 0
	}
	out := append([]byte(nil), eth[:12]...)
	out = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(out, aux.Vlan_tpid), aux.Vlan_tci)
	return w.with(append(out, eth[12:]...))
}

func (s *socket) keep(frame []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.got.add(frame); err != nil && !errors.Is(err, errAlien) && s.err == nil {
		s.err = err
	}
	s.more.Broadcast()
}

// wait waits until n finished frames are there. It is false when they do not come.
func (s *socket) wait(n int) bool {
	end := time.Now().Add(patience)
	wake := time.AfterFunc(patience, s.more.Broadcast)
	defer wake.Stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.got.count < n && s.err == nil {
		if time.Now().After(end) {
			return false
		}
		s.more.Wait()
	}
	return s.err == nil
}

// take returns what came, and begins anew.
func (s *socket) take(t testing.TB) *flows {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		t.Error(s.err)
	}
	got := s.got
	s.got, s.err = newFlows(), nil
	return got
}

func (s *socket) send(t testing.TB, frame []byte) {
	t.Helper()
	if _, err := s.file.Write(frame); err != nil {
		k, _ := keyOf(frame[workLen:])
		t.Fatalf("%v: %v", k, err)
	}
}
