package packet

import (
	"runtime"
	"testing"

	"github.com/ipvl/ipvl/link/internal/fdio"
	"github.com/ipvl/ipvl/link/internal/nstest"
	"github.com/ipvl/ipvl/link/vnet"
	"golang.org/x/sys/unix"
)

// TestNoAllocation counts for the whole path: read, hand over, write.
func TestNoAllocation(t *testing.T) {
	_, near, far := pair(t)
	r, fd := newReader(far), fdOf(far)
	small := marked(60, 0)
	pieces := [][]byte{small[:vnet.HeaderLen], small[vnet.HeaderLen:30], small[30:]}
	long := marked(2000, 0)
	got := testing.AllocsPerRun(200, func() {
		near.WriteVec(pieces)
		near.WriteFrame(long) // an error
		r.fill(fd)
		for _, b := range r.Take() {
			near.WriteFrame(b)
		}
	})
	if got != 0 || far.Stats().RxFrames < 200 || near.Stats().TxFrames < 400 || near.Stats().TxErrors < 200 {
		t.Errorf("%v allocations a frame, %+v, %+v", got, near.Stats(), far.Stats())
	}
}

// BenchmarkSplice passes small frames from one stack's interface to the other's, 32
// under way.
func BenchmarkSplice(b *testing.B) {
	s := newSplice(b, false)
	left, right := farEnd(b, s.left, "v"), farEnd(b, s.right, "w")
	frame, r, fd := marked(60, 0), newReader(right), fdOf(right)
	room := r.Room(tagLen + fdio.FrameMax)
	b.ReportAllocs()
	b.ResetTimer()
	for sent, got := 0, 0; got < b.N; {
		for ; sent < b.N && sent-got < 32; sent++ {
			if err := left.WriteFrame(frame); err != nil {
				b.Fatal(err)
			}
		}
		b, errno := r.receive(fd, room)
		switch {
		case errno == unix.EAGAIN:
			runtime.Gosched()
		case errno == 0 && b[vnet.HeaderLen+12] == 0x88:
			got++
		}
	}
	b.StopTimer()
	s.close(b)
}

// farEnd opens a port on an interface of one of the stacks.
func farEnd(b *testing.B, ns *nstest.Namespace, name string) *Port {
	return open(b, ns, Options{Index: ns.Attrs(b, name).Index, Filter: Filter{Multicast: true}})
}

func BenchmarkSetFilter(b *testing.B) {
	_, _, far := pair(b)
	f := Filter{Addrs: addrs("192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2")}
	for b.Loop() {
		if err := far.SetFilter(f); err != nil {
			b.Fatal(err)
		}
	}
}
