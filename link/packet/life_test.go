package packet

import (
	"errors"
	"testing"
	"time"

	"github.com/ipvl/ipvl/link/internal/nstest"
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
		ns.SetUp(t, "vp", false)
		ns.SetUp(t, "vp", true)
		ns.WaitUp(t, "v")
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
	ns.SetUp(t, "vp", false)
	if !r.fill(fdOf(far)) || r.Errno != unix.ENETDOWN {
		t.Fatalf("errno %v, want %v", r.Errno, unix.ENETDOWN)
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
	ns.SetUp(t, "vp", true)
	ns.WaitUp(t, "v")
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
		away func(t *testing.T, ns, other *nstest.Namespace)
	}{
		{"deleted", func(t *testing.T, ns, _ *nstest.Namespace) { ns.Delete(t, "vp") }},
		{"peer deleted", func(t *testing.T, ns, _ *nstest.Namespace) { ns.Delete(t, "v") }},
		{"down, then deleted", func(t *testing.T, ns, _ *nstest.Namespace) {
			ns.SetUp(t, "vp", false)
			ns.Delete(t, "vp")
		}},
		{"moved to another namespace", func(t *testing.T, ns, other *nstest.Namespace) { ns.Move(t, "vp", other) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			ns, _, far := pair(t)
			other := nstest.New(t)
			done := serve(far, func([]byte) {})
			c.away(t, ns, other)
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
	ns.SetUp(t, "vp", false)
	r := newReader(far)
	if r.fill(fdOf(far)); r.failed() != nil || r.look() != nil || r.wait == 0 {
		t.Fatalf("errno %v, next look in %v: down was not seen, or not survived", r.Errno, r.wait)
	}
	ns.Delete(t, "vp")
	if err := r.look(); err != ErrGone {
		t.Errorf("look: %v, want %v", err, ErrGone)
	}
	r.lookAfter(0) // a Serve that starts now has nothing to wake it
	if err := far.Serve(func([]byte) {}); !errors.Is(err, ErrGone) {
		t.Errorf("Serve: %v, want %v", err, ErrGone)
	}
}

func TestOpenWhileDown(t *testing.T) {
	ns := nstest.New(t)
	v, vp := ns.Veth(t, "v", ns, "vp")
	ns.SetUp(t, "v", false)
	p := openAll(t, ns, v.Index)
	got := make(chan []byte, 1)
	serve(p, collect(got))
	from := open(t, ns, Options{Index: vp.Index})
	ns.SetUp(t, "v", true)
	ns.WaitUp(t, "vp")
	from.WriteFrame(marked(60, 0))
	<-got
}

// TestUnpolled reads as Serve does when the poller refuses the descriptor.
func TestUnpolled(t *testing.T) {
	_, near, far := pair(t)
	r := newReader(far)
	near.WriteFrame(marked(60, 7))
	for len(r.Take()) == 0 {
		r.Unpolled() // once, or more where other frames came first
	}
	if err := r.failed(); err != nil {
		t.Error(err)
	}
	far.Close()
	if r.Unpolled(); len(r.Take()) != 0 {
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
