package tap

import (
	"encoding/binary"
	"testing"

	"github.com/ipvl/ipvl/link/internal/fdio"
)

// TestLanesRunOut writes while every lane is lent to others: plain system calls do it, and no frame
// is lost or overtaken.
func TestLanesRunOut(t *testing.T) {
	each(t, func(t *testing.T, e *ends) {
		rings := newRings(t)
		if rings == nil {
			rings = &Rings{} // nothing is to be had of it either
		}
		e.rings = rings
		var lent []*fdio.Lane
		for l := rings.Borrow(); l != nil; l = rings.Borrow() {
			lent = append(lent, l)
		}
		defer func() {
			for _, l := range lent {
				rings.GiveBack(l)
			}
		}()
		var frames [][]byte
		for i := range 2*fdio.BatchMax + 1 {
			f := marked(60, 0)
			binary.BigEndian.PutUint16(f[len(f)-2:], uint16(i))
			frames = append(frames, f)
		}
		if lost := e.WriteFrames(frames); lost != 0 {
			t.Errorf("%d frames lost", lost)
		}
		for i := range frames {
			b := e.receive(t)
			if got := binary.BigEndian.Uint16(b[len(b)-2:]); int(got) != i {
				t.Fatalf("frame %d is %d", i, got)
			}
		}
	})
}

// TestRingRefused: when the kernel refuses a ring in the middle of a batch, what was read of it is handed over, and
// plain system calls read the rest.
func TestRingRefused(t *testing.T) {
	rings := newRings(t)
	if rings == nil {
		return
	}
	e := newEndsOn(t, "sockets", rings)
	for i := range 4 {
		e.send(t, marked(60, byte(i)))
	}
	r := newReader(e.Port)
	defer r.release()
	r.lane = rings.Borrow()
	if !r.lane.Reads() {
		t.Fatal("no memory")
	}
	for i, fd := range []int{int(fdOf(e.Port)), int(fdOf(e.Port)), -1} { // the last one as if refused
		r.lane.Ring.Read(fd, r.lane.Slot(i), 0)
	}
	if n, err := r.lane.Ring.Enter(); n != 3 || err != nil {
		t.Fatalf("%d requests, %v", n, err)
	}
	r.plain = true
	got := 0
	for r.collect(3); got < 4; r.fill(fdOf(e.Port)) {
		if r.Errno != 0 {
			t.Fatalf("the port would end: %v", r.Errno)
		}
		frames := r.Take()
		if len(frames) == 0 {
			t.Fatalf("%d frames, want 4", got)
		}
		for _, f := range frames {
			if mark := f[len(f)-1]; int(mark) != got {
				t.Errorf("frame %d is %d", got, mark)
			}
			got++
		}
	}
}
