package packet

import (
	"errors"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

func TestDownAndUp(t *testing.T) {
	ns, near, far := pair(t)
	got := make(chan []byte, 1)
	done := serve(far, collect(got))
	for range 3 {
		if err := near.WriteFrame(marked(60, 0)); err != nil {
			t.Fatal(err)
		}
		<-got
		ns.do(t, func() error { return setUpDown("vp", false) })
		ns.do(t, func() error { return setUpDown("vp", true) })
		ns.waitUp(t, "v")
	}
	far.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestDownForLong lets several looks pass before the interface comes up.
func TestDownForLong(t *testing.T) {
	ns, near, far := pair(t)
	r := newReader(far)
	ns.do(t, func() error { return setUpDown("vp", false) })
	if !r.fill(uintptr(far.fd)) || r.errno != unix.ENETDOWN {
		t.Fatalf("errno %v, want %v", r.errno, unix.ENETDOWN)
	}
	if err := r.failed(); err != nil || r.wait != firstLook {
		t.Fatalf("down: %v, next look in %v, want %v", err, r.wait, firstLook)
	}
	for range 10 {
		if err := r.look(); err != nil {
			t.Fatal(err)
		}
	}
	if r.wait != lastLook {
		t.Errorf("next look in %v, want %v", r.wait, lastLook)
	}
	ns.do(t, func() error { return setUpDown("vp", true) })
	ns.waitUp(t, "v")
	if err := r.look(); err != nil || r.wait != 0 {
		t.Errorf("up: %v, next look in %v, want never", err, r.wait)
	}
	got := make(chan []byte, 1)
	serve(far, collect(got))
	near.WriteFrame(marked(60, 0))
	<-got
}

// TestGone takes the interface away in every way; Serve has to notice.
func TestGone(t *testing.T) {
	for _, c := range []struct {
		name string
		away func(n *namespace) error
	}{
		{"deleted", func(*namespace) error { return deleteLink("vp") }},
		{"peer deleted", func(*namespace) error { return deleteLink("v") }},
		{"down, then deleted", func(*namespace) error {
			return errors.Join(setUpDown("vp", false), deleteLink("vp"))
		}},
		{"moved to another namespace", func(other *namespace) error {
			l, err := netlink.LinkByName("vp")
			if err != nil {
				return err
			}
			return netlink.LinkSetNsFd(l, other.fd)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			ns, _, far := pair(t)
			other := newNS(t)
			done := serve(far, func([]byte) {})
			ns.do(t, func() error { return c.away(other) })
			if err := <-done; !errors.Is(err, ErrGone) {
				t.Errorf("Serve: %v, want %v", err, ErrGone)
			}
			if err := far.WriteFrame(marked(60, 0)); err != ErrGone {
				t.Errorf("WriteFrame: %v, want %v", err, ErrGone)
			}
		})
	}
}

// TestGoneWhileDown has Serve look while the interface is down and still there,
// and deletes it then: no event announces that.
func TestGoneWhileDown(t *testing.T) {
	ns, _, far := pair(t)
	ns.do(t, func() error { return setUpDown("vp", false) })
	r := newReader(far)
	if r.fill(uintptr(far.fd)); r.failed() != nil || r.look() != nil || r.wait == 0 {
		t.Fatalf("errno %v, next look in %v: down was not seen, or not survived", r.errno, r.wait)
	}
	ns.do(t, func() error { return deleteLink("vp") })
	if err := r.look(); err != ErrGone {
		t.Errorf("look: %v, want %v", err, ErrGone)
	}
	r.lookAfter(0) // a Serve that starts now has nothing to wake it
	if err := far.Serve(func([]byte) {}); !errors.Is(err, ErrGone) {
		t.Errorf("Serve: %v, want %v", err, ErrGone)
	}
}

func TestOpenWhileDown(t *testing.T) {
	ns := newNS(t)
	index := ns.veth(t, "v", ns)
	ns.do(t, func() error { return setUpDown("v", false) })
	p := ns.open(t, Options{Index: index, Filter: Filter{All: true}})
	got := make(chan []byte, 1)
	serve(p, collect(got))
	peer := 0
	ns.do(t, func() (err error) { peer, err = indexOf("vp"); return err })
	from := ns.open(t, Options{Index: peer})
	ns.do(t, func() error { return setUpDown("v", true) })
	ns.waitUp(t, "vp")
	from.WriteFrame(marked(60, 0))
	<-got
}

// TestUnpolled reads as Serve does when the poller refuses the descriptor.
func TestUnpolled(t *testing.T) {
	_, near, far := pair(t)
	r := newReader(far)
	near.WriteFrame(marked(60, 7))
	for r.count == 0 {
		r.unpolled() // once, or more where other frames came first
	}
	if err := r.failed(); err != nil {
		t.Error(err)
	}
	far.Close()
	r.count = 0
	if r.unpolled(); r.count != 0 {
		t.Error("read from a closed port")
	}
}

// TestDeadlineOfClosedPort is the race of a look with Close.
func TestDeadlineOfClosedPort(t *testing.T) {
	_, _, far := pair(t)
	r := newReader(far)
	far.Close()
	if err := r.lookAfter(time.Second); err != nil {
		t.Errorf("lookAfter: %v, want nil", err)
	}
	if err := r.look(); err != nil {
		t.Errorf("look: %v, want nil", err)
	}
	if err := far.file.SetReadDeadline(time.Time{}); err == nil {
		t.Error("the file takes a deadline: the test above tests nothing")
	}
}
