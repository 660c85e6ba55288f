package packet

import (
	"bytes"
	"errors"
	"net"
	"os/exec"
	"testing"

	"github.com/ipvl/ipvl/link/internal/nstest"
	"github.com/ipvl/ipvl/link/vnet"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// plain puts an empty virtio-net header before a frame.
func plain(frame []byte) []byte {
	return append(make([]byte, vnet.HeaderLen), frame...)
}

// marked is a frame of n bytes that nobody but the tests sends.
func marked(n int, mark byte) []byte {
	f := ethernet(true, nil, 0x88b5, nil)
	for len(f) < n {
		f = append(f, mark)
	}
	return plain(f)
}

// collect is a handle that passes on copies of the test's own frames.
func collect(to chan<- []byte) func([]byte) {
	return func(b []byte) {
		f := b[vnet.HeaderLen:]
		if len(f) >= 14 && bytes.Contains(f[12:min(22, len(f))], []byte{0x88, 0xb5}) {
			to <- bytes.Clone(b)
		}
	}
}

func TestWriteThenServe(t *testing.T) {
	_, near, far := pair(t)
	got := make(chan []byte, 1)
	done := serve(far, collect(got))
	for _, n := range []int{14, 15, 60, 1514} {
		want := marked(n, byte(n))
		if err := near.WriteFrame(want); err != nil {
			t.Fatalf("%d bytes: %v", n, err)
		}
		if b := <-got; !bytes.Equal(b[vnet.HeaderLen:], want[vnet.HeaderLen:]) {
			t.Errorf("%d bytes: got %x", n, b)
		}
		if err := near.WriteVec([][]byte{want[:vnet.HeaderLen], nil, want[vnet.HeaderLen:20], want[20:]}); err != nil {
			t.Fatalf("%d bytes in pieces: %v", n, err)
		}
		if b := <-got; !bytes.Equal(b[vnet.HeaderLen:], want[vnet.HeaderLen:]) {
			t.Errorf("%d bytes in pieces: got %x", n, b)
		}
	}
	if s := near.Stats(); s.TxFrames != 8 || s.TxBytes != 2*(14+15+60+1514) {
		t.Errorf("sent %+v, want 8 frames", s)
	}
	if s := far.Stats(); s.RxFrames < 8 || s.RxBytes < 2*(14+15+60+1514) || s.RxDropped != 0 {
		t.Errorf("received %+v, want 8 frames or more", s)
	}
	if err := far.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Errorf("Serve after Close: %v, want nil", err)
	}
}

func TestWriteVecOfManyPieces(t *testing.T) {
	_, near, far := pair(t)
	got := make(chan []byte, 1)
	serve(far, collect(got))
	want := marked(200, 1)
	var pieces [][]byte
	for _, b := range want {
		pieces = append(pieces, []byte{b})
	}
	if err := near.WriteVec(pieces); err != nil {
		t.Fatal(err)
	}
	if b := <-got; !bytes.Equal(b, want) {
		t.Errorf("got %x", b)
	}
}

func TestWriteErrors(t *testing.T) {
	ns, near, _ := pair(t)
	bad := vnet.Header{GSOType: vnet.GSOUDP, GSOSize: 100}
	badFrame := marked(60, 0)
	bad.Encode(badFrame)
	for _, c := range []struct {
		name  string
		frame []byte
		want  error
	}{
		{"nothing", nil, ErrMalformed},
		{"short", marked(14, 0)[:23], ErrMalformed},
		{"over the MTU", marked(1600, 0), ErrTooLong},
		{"header refused", badFrame, ErrMalformed},
	} {
		if err := near.WriteFrame(c.frame); err != c.want {
			t.Errorf("%s: WriteFrame: %v, want %v", c.name, err, c.want)
		}
		if err := near.WriteVec([][]byte{c.frame}); err != c.want {
			t.Errorf("%s: WriteVec: %v, want %v", c.name, err, c.want)
		}
	}
	if got := near.Stats().TxErrors; got != 8 {
		t.Errorf("counted %d errors, want 8", got)
	}
	ns.SetUp(t, "v", false)
	if err := near.WriteFrame(marked(60, 0)); err != ErrDown {
		t.Errorf("down: %v, want %v", err, ErrDown)
	}
	ns.Delete(t, "v")
	if err := near.WriteFrame(marked(60, 0)); err != ErrGone {
		t.Errorf("deleted: %v, want %v", err, ErrGone)
	}
	near.Close()
	if err := near.WriteFrame(marked(60, 0)); err != ErrClosed {
		t.Errorf("closed: %v, want %v", err, ErrClosed)
	}
	if err := near.SetFilter(Filter{}); !errors.Is(err, ErrClosed) {
		t.Errorf("SetFilter, closed: %v, want %v", err, ErrClosed)
	}
}

// TestWriteFull holds frames in the interface's queue until there is no room.
func TestWriteFull(t *testing.T) {
	ns, near, _ := pair(t)
	stall(t, ns, "v")
	var err error
	for range 1 << 20 {
		if err = near.WriteFrame(marked(1514, 0)); err != nil {
			break
		}
	}
	if err != ErrFull || near.Stats().TxFull != 1 {
		t.Errorf("got %v, counted %d, want %v once", err, near.Stats().TxFull, ErrFull)
	}
}

// stall lets next to nothing leave the interface.
func stall(t *testing.T, ns *nstest.Namespace, name string) {
	t.Helper()
	ns.Do(t, func() error {
		return exec.Command("tc", "qdisc", "add", "dev", name, "root", "tbf", "rate", "8bit", "burst", "2000", "limit", "1m").Run()
	})
}

func TestOpenErrors(t *testing.T) {
	ns := nstest.New(t)
	v, _ := ns.Veth(t, "v", ns, "vp")
	for _, c := range []struct {
		name string
		o    Options
		want error
	}{
		{"no such interface", Options{Index: 999}, unix.ENODEV},
		{"loopback", Options{Index: 1}, unix.EPROTONOSUPPORT},
	} {
		ns.Do(t, func() error {
			p, err := Open(c.o)
			if !errors.Is(err, c.want) || p != nil {
				t.Errorf("%s: %v, %v, want %v", c.name, p, err, c.want)
			}
			if e := (*Error)(nil); !errors.As(err, &e) || e.Index != c.o.Index {
				t.Errorf("%s: %v is no *Error of interface %d", c.name, err, c.o.Index)
			}
			return nil
		})
	}
	ns.Do(t, func() error {
		_, err := Open(Options{Index: v.Index, Filter: Filter{Addrs: addrs("192.0.2.1")[:1:1]}})
		return err
	})
}

// TestCloseFromHandle closes where a deadlock is nearest.
func TestCloseFromHandle(t *testing.T) {
	_, near, far := pair(t)
	done := serve(far, func([]byte) { far.Close() })
	near.WriteFrame(marked(60, 0))
	if err := <-done; err != nil {
		t.Errorf("Serve: %v, want nil", err)
	}
	if err := far.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	if err := far.Serve(func([]byte) {}); err != nil {
		t.Errorf("Serve on a closed port: %v, want nil", err)
	}
}

// TestReceiveMore looks at the two memberships through a macvlan interface, which
// filters group addresses as a real one does:
//
//	near, v ──veth── vp ── macvlan m, far
func TestReceiveMore(t *testing.T) {
	own := []byte{2, 0, 0, 0, 0, 0x99}
	for _, c := range []struct {
		name  string
		o     Options
		count int  // the interface's promiscuity
		group bool // a group that nobody joined arrives
	}{
		{"neither", Options{}, 0, false},
		{"promiscuous", Options{Promisc: true}, 1, true},
		{"all groups", Options{AllMulti: true}, 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			ns, near, _ := pair(t)
			addMacvlan(t, ns, "m", "vp", own)
			c.o.Index = ns.Attrs(t, "m").Index
			c.o.Filter.All = true
			far := open(t, ns, c.o)
			got := make(chan []byte, 2)
			serve(far, collect(got))
			send := func(mark byte, mac ...byte) {
				f := marked(60, mark)
				copy(f[vnet.HeaderLen:], mac)
				if err := near.WriteFrame(f); err != nil {
					t.Fatal(err)
				}
			}
			send('g', 3, 0, 0, 0, 0x12, 0x34)
			send('b', 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)
			seen := map[byte]bool{}
			for !seen['b'] {
				b := <-got
				seen[b[len(b)-1]] = true
			}
			if seen['g'] != c.group {
				t.Errorf("group arrives: %v, want %v", seen['g'], c.group)
			}
			if got := ns.Attrs(t, "m").Promisc; got != c.count {
				t.Errorf("promiscuity %d, want %d", got, c.count)
			}
		})
	}
}

func addMacvlan(t *testing.T, ns *nstest.Namespace, name, parent string, mac net.HardwareAddr) {
	t.Helper()
	m := &netlink.Macvlan{LinkAttrs: netlink.NewLinkAttrs(), Mode: netlink.MACVLAN_MODE_BRIDGE}
	m.Name, m.ParentIndex, m.HardwareAddr = name, ns.Attrs(t, parent).Index, mac
	ns.Do(t, func() error { return netlink.LinkAdd(m) })
	ns.SetUp(t, name, true)
}

// TestOutgoingIgnored has somebody else, as the host, send on the interface that
// is read; only the far end's frame may arrive.
func TestOutgoingIgnored(t *testing.T) {
	ns, near, far := pair(t)
	host := open(t, ns, Options{Index: near.index})
	got := make(chan []byte, 3)
	serve(near, collect(got))
	host.WriteFrame(marked(60, 'h'))
	near.WriteFrame(marked(60, 'n'))
	far.WriteFrame(marked(60, 'f'))
	if b := <-got; b[len(b)-1] != 'f' {
		t.Errorf("got %q, want the far end's frame", b[len(b)-1])
	}
}
