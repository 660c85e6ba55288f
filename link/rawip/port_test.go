package rawip

import (
	"errors"
	"net"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/ipvl/ipvl/link"
	"github.com/ipvl/ipvl/link/internal/fdio"
	"golang.org/x/sys/unix"
)

var _ link.Port = (*Port)(nil)

func TestStats(t *testing.T) {
	h := newHost(t)
	ok := udpFrame(dev4, host4, 9, nil)
	for _, b := range [][]byte{ok, append(ok[:len(ok):len(ok)], 0, 0), ok[:30], tagged(ok, typeVLAN), udpFrame(dev4, dev4, 9, nil)} {
		_ = h.port.WriteFrame(b)
		_ = h.port.WriteVec([][]byte{b})
	}
	want := Stats{TxFrames: 4, TxBytes: 2 * (42 + 44), TxNotLocal: 2, TxErrors: 4}
	if got := h.port.Stats(); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	h.port.Close()
	if got := h.port.Stats(); got != want {
		t.Errorf("closed: got %+v, want %+v", got, want)
	}
	if h.port.Features() != 0 {
		t.Error("the port offers to finish frames")
	}
}

func TestClose(t *testing.T) {
	h := newHost(t)
	for range 2 {
		if err := h.port.Close(); err != nil {
			t.Error(err)
		}
	}
	for _, b := range [][]byte{udpFrame(dev4, host4, 9, nil), udpFrame(dev6, host6, 9, nil)} {
		if err := h.port.WriteFrame(b); err != ErrClosed {
			t.Errorf("WriteFrame: %v, want %v", err, ErrClosed)
		}
		if err := h.port.WriteVec([][]byte{b}); err != ErrClosed {
			t.Errorf("WriteVec: %v, want %v", err, ErrClosed)
		}
	}
}

// TestConcurrentWriters counts what arrives of many goroutines' frames, and closes
// the port under them.
func TestConcurrentWriters(t *testing.T) {
	h := newHost(t)
	conns := map[string]*net.UDPConn{host4: h.listen(t, host4+":0", ""), host6: h.listen(t, "["+host6+"]:0", "")}
	const each = 50 // fits the sockets' buffers
	var wg sync.WaitGroup
	for i := range 4 {
		src, dst := dev4, host4
		if i%2 == 1 {
			src, dst = dev6, host6
		}
		b := udpFrame(src, dst, portOf(conns[dst].LocalAddr()), []byte{byte(i)})
		wg.Go(func() {
			for range each {
				if err := h.port.WriteFrame(b); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	var got [4]int
	for _, c := range conns {
		for range 2 * each {
			var b [10]byte
			if _, err := c.Read(b[:]); err != nil {
				t.Fatal(err)
			}
			got[b[0]]++
		}
	}
	if got != [4]int{each, each, each, each} {
		t.Errorf("%v arrived, want %d of each", got, each)
	}
	b := udpFrame(dev6, host6, 1, nil)
	started := make(chan struct{}, 4)
	for range 4 {
		wg.Go(func() {
			started <- struct{}{}
			for {
				if err := h.port.WriteFrame(b); err != nil {
					if err != ErrClosed {
						t.Errorf("%v, want %v", err, ErrClosed)
					}
					return
				}
			}
		})
	}
	for range 4 {
		<-started
	}
	h.port.Close()
	wg.Wait()
}

func TestFirewall(t *testing.T) {
	h := newHost(t)
	h.Do(t, func() error {
		cmd := exec.Command("nft", "-f", "-")
		cmd.Stdin = strings.NewReader("table inet f { chain o { type filter hook output priority 0; ip saddr " + dev4 + " drop; ip6 saddr " + dev6 + " drop; }; }")
		return cmd.Run()
	})
	for _, b := range [][]byte{udpFrame(dev4, host4, 9, nil), udpFrame(dev6, host6, 9, nil)} {
		if err := h.port.WriteFrame(b); err != ErrFiltered {
			t.Errorf("%v, want %v", err, ErrFiltered)
		}
	}
}

// TestWithoutIPv6 is a host that was started with ipv6.disable=1.
func TestWithoutIPv6(t *testing.T) {
	h := newHost(t)
	p := &Port{opts: h.port.opts}
	h.Do(t, func() (err error) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.fds = sockets{ipv6: -1}
		if p.fds.ipv4, err = open(unix.AF_INET); err == nil {
			p.fds.probe, err = open(unix.AF_INET)
		}
		return err
	})
	if err := p.WriteFrame(udpFrame(dev4, host4, 9, nil)); err != nil {
		t.Error(err)
	}
	if err := p.WriteFrame(udpFrame(dev6, host6, 9, nil)); err != ErrNoIPv6 {
		t.Errorf("%v, want %v", err, ErrNoIPv6)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

func TestOpenWithoutPrivilege(t *testing.T) {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread loses its capabilities
		hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var none [2]unix.CapUserData
		if err := unix.Capset(&hdr, &none[0]); err != nil {
			done <- err
			return
		}
		_, err := Open(Options{})
		done <- err
	}()
	err := <-done
	if e := (*Error)(nil); !errors.As(err, &e) || !errors.Is(err, unix.EPERM) {
		t.Errorf("%v, want an *Error with %v", err, unix.EPERM)
	}
}

func TestFailureNames(t *testing.T) {
	for errno, want := range map[unix.Errno]error{
		unix.EAGAIN: ErrFull, unix.ENOBUFS: ErrFull, unix.EMSGSIZE: ErrTooLong, unix.EPERM: ErrFiltered, unix.EIO: unix.EIO,
	} {
		if err := failure(errno); err != want {
			t.Errorf("%v: %v, want %v", errno, err, want)
		}
	}
}

func TestNoAllocation(t *testing.T) {
	h := newHost(t)
	for _, b := range [][]byte{udpFrame(dev4, host4, 9, nil), udpFrame(dev6, host6, 9, nil), udpFrame(dev6, lladdr, 9, nil), udpFrame(dev4, dev4, 9, nil)} {
		pieces := make([][]byte, 0, fdio.VecMax)
		for i := range fdio.VecMax - 1 {
			pieces = append(pieces, b[i:i+1])
		}
		pieces = append(pieces, b[fdio.VecMax-1:])
		if n := testing.AllocsPerRun(200, func() { _ = h.port.WriteFrame(b) }); n != 0 {
			t.Errorf("WriteFrame: %v allocations", n)
		}
		if n := testing.AllocsPerRun(200, func() { _ = h.port.WriteVec(pieces) }); n != 0 {
			t.Errorf("WriteVec: %v allocations", n)
		}
	}
	if s := h.port.Stats(); s.TxFrames != 3*2*201 {
		t.Errorf("%+v, want %d sent", s, 3*2*201)
	}
}

func BenchmarkWriteFrame(b *testing.B) {
	h := newHost(b)
	for _, c := range []struct{ name, src, dst string }{{"IPv4", dev4, host4}, {"IPv6", dev6, host6}} {
		conn := h.listen(b, net.JoinHostPort(c.dst, "0"), "") // never read: full queues are cheap
		f := udpFrame(c.src, c.dst, portOf(conn.LocalAddr()), make([]byte, 1400))
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(f)))
			for b.Loop() {
				if err := h.port.WriteFrame(f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
