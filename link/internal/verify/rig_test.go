package verify

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"unsafe"

	"github.com/ipvl/ipvl/link"
	"github.com/ipvl/ipvl/link/internal/nstest"
	"github.com/ipvl/ipvl/link/packet"
	"github.com/ipvl/ipvl/link/tap"
	"github.com/ipvl/ipvl/link/vnet"
	"golang.org/x/sys/unix"
)

// port is what the ports of both kinds have in common.
type port interface {
	link.BatchPort
	ServeBatch(handle func(frames [][]byte)) error
	Close() error
}

// rig is a lab with two TAPs and a packet socket, and sockets behind them.
type rig struct {
	*lab
	ns    [3]*nstest.Namespace // of the TAPs, and of the interface of the packet socket
	far   [3]*socket
	ports [3]port
	gate  sync.RWMutex // held while a burst is queued
	mute  atomic.Bool  // nothing that a port reads is kept

	mu      sync.Mutex
	read    *flows // by a port  +checklocks:mu
	wrong   error  // +checklocks:mu
	largest int    // batch  +checklocks:mu
}

// setting is what a rig has.
type setting struct {
	name    string
	rings   bool
	without vnet.Features // of the TAPs
	plain   bool          // the wire's interfaces have no offloads
	sndBuf  int           // of the packet socket; 0: its default
}

func newRig(t testing.TB, s setting) *rig {
	t.Helper()
	r := &rig{read: newFlows()}
	var rings *tap.Rings
	if s.rings {
		var err error
		if rings, err = tap.NewRings(); err != nil {
			t.Logf("only plain system calls: %v", err)
		}
		t.Cleanup(rings.Close)
	}
	for i := range 2 {
		ns := quiet(t)
		r.ns[i] = ns
		ns.Do(t, func() error {
			f, err := openTAP("t0")
			if err != nil {
				return err
			}
			r.ports[i], err = tap.New(f, tap.Options{Without: s.without, Rings: rings})
			return err
		})
		ns.SetUp(t, "t0", true)
		r.far[i] = newSocket(t, ns, "t0")
	}
	near, peer := quiet(t), quiet(t)
	r.ns[2] = near
	up, _ := near.Veth(t, "u0", peer, "p0")
	if s.plain {
		withoutOffloads(t, near, "u0")
		withoutOffloads(t, peer, "p0")
	}
	near.Do(t, func() (err error) {
		r.ports[2], err = packet.Open(packet.Options{Index: up.Index, Filter: packet.Filter{All: true}, Rings: rings, SndBuf: s.sndBuf})
		return err
	})
	r.far[2] = newSocket(t, peer, "p0")
	r.lab = newLab(t, [3]link.Port{r.ports[0], r.ports[1], r.ports[2]}, link.MasterOptions{Mode: link.ModeL2})
	r.serve(t)
	return r
}

// quiet is a namespace whose interfaces say nothing of their own in IPv6.
func quiet(t testing.TB) *nstest.Namespace {
	ns := nstest.New(t)
	ns.Sysctl(t, "ipv6/conf/default/disable_ipv6", "1")
	return ns
}

func openTAP(name string) (*os.File, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	ifr, err := unix.NewIfreq(name)
	if err != nil {
		return nil, err
	}
	ifr.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI | unix.IFF_VNET_HDR)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, ifr); err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}

// withoutOffloads has the kernel finish what leaves through an interface before it does.
func withoutOffloads(t testing.TB, ns *nstest.Namespace, name string) {
	t.Helper()
	ns.Do(t, func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		for _, cmd := range []uint32{unix.ETHTOOL_SGSO, unix.ETHTOOL_STSO, unix.ETHTOOL_STXCSUM} {
			value := &[2]uint32{cmd, 0} // struct ethtool_value
			req := struct {
				name [unix.IFNAMSIZ]byte
				data unsafe.Pointer
				_    [16]byte
			}{data: unsafe.Pointer(value)}
			copy(req.name[:], name)
			if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&req))); errno != 0 {
				return fmt.Errorf("ethtool %#x: %w", cmd, errno)
			}
		}
		return nil
	})
}

// serve has every port read until the test is over.
func (r *rig) serve(t testing.TB) {
	var wg sync.WaitGroup
	for i, p := range r.ports {
		wg.Go(func() {
			var b link.Batch
			err := p.ServeBatch(func(frames [][]byte) {
				r.gate.RLock()
				defer r.gate.RUnlock()
				if !r.mute.Load() {
					r.note(frames)
				}
				r.carry(i, frames, &b)
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(func() {
		for _, p := range r.ports {
			p.Close()
		}
		wg.Wait()
	})
}

// note keeps what a port read.
func (r *rig) note(frames [][]byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.largest = max(r.largest, len(frames))
	for _, f := range frames {
		if err := r.read.add(f); err != nil && !errors.Is(err, errAlien) && r.wrong == nil {
			r.wrong = fmt.Errorf("read: %w", err)
		}
	}
}
