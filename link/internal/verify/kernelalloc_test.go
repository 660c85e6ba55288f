//go:build !race

package verify

import (
	"errors"
	"fmt"
	"testing"

	"github.com/ipvl/ipvl/link"
	"github.com/ipvl/ipvl/link/vnet"
	"golang.org/x/sys/unix"
)

// raw is a descriptor of a rig's socket, which nobody reads but the test.
func (s *socket) raw(t testing.TB) (fd int) {
	t.Helper()
	conn, err := s.file.SyscallConn()
	if err == nil {
		cerr := conn.Control(func(old uintptr) { fd, err = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0) })
		err = errors.Join(err, cerr, s.file.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

// TestNoAllocationBetweenInterfaces goes from descriptor to descriptor: read, carried, written.
func TestNoAllocationBetweenInterfaces(t *testing.T) {
	for _, s := range []setting{
		{name: "all"},
		{name: "all, io_uring", rings: true},
		{name: "no offloads", without: vnet.FeaturesAll, plain: true},
	} {
		r := newRig(t, s)
		r.mute.Store(true)
		if err := r.master.Set(link.ModeL3, link.FlagBridge); err != nil {
			t.Fatal(err)
		}
		r.master.SetRouter(&nextHop{hop: link.Hop{Verdict: link.HopSend, Dst: peerMAC, Src: masterMAC}})
		far := [3]int{r.far[0].raw(t), r.far[1].raw(t), r.far[2].raw(t)}
		for i, h := range hops {
			for _, l := range loads {
				t.Run(fmt.Sprintf("%s, %s, %s", s.name, h.name, l.name), func(t *testing.T) {
					from := far[0]
					if i == 2 {
						from = far[2]
					}
					sent, _ := l.frames(h.w)
					total := 0
					for _, f := range sent {
						total += segments(f)
					}
					room := make([]byte, 1<<17)
					nothing(t, func() { exchange(t, from, far[h.end], sent, total, room) })
				})
			}
		}
	}
}

// exchange sends frames and waits until all of them have come, total when they are finished.
func exchange(t *testing.T, from, to int, frames [][]byte, total int, room []byte) {
	for _, f := range frames {
		if _, err := unix.Write(from, f); err != nil {
			t.Fatal(err)
		}
	}
	wait := [1]unix.PollFd{{Fd: int32(to), Events: unix.POLLIN}}
	for total > 0 {
		n, err := unix.Read(to, room)
		switch {
		case err == unix.EAGAIN:
			if n, _ := unix.Poll(wait[:], int(patience.Milliseconds())); n == 0 {
				t.Fatalf("%d frames did not come", total)
			}
		case err != nil:
			t.Fatal(err)
		default:
			total -= pieces(room[:n])
		}
	}
}

// pieces is how many frames of the tests one is when it is finished, by its header.
func pieces(frame []byte) int {
	w, eth, err := split(frame)
	if err != nil {
		return 0
	}
	if _, ok := keyOf(eth); !ok {
		return 0
	}
	if w.gso == 0 {
		return 1
	}
	p, _ := look(eth)
	return (p.end - p.data + int(w.size) - 1) / int(w.size)
}
