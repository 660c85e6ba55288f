package tap

import (
	"runtime"
	"testing"

	"github.com/ipvl/ipvl/link/vnet"
	"golang.org/x/sys/unix"
)

// TestNoAllocation counts for the whole path: read, hand over, write.
func TestNoAllocation(t *testing.T) {
	each(t, func(t *testing.T, e *ends) {
		to := newEnds(t, e.kind)
		r, fd := newReader(e.Port), fdOf(e.Port)
		small := marked(60, 0)
		pieces := [][]byte{small[:vnet.HeaderLen], small[vnet.HeaderLen:30], small[30:]}
		room := make([]byte, 1<<17)
		got := testing.AllocsPerRun(200, func() {
			unix.Write(e.far, small)
			r.fill(fd)
			for _, b := range r.Take() {
				to.WriteFrame(b)
			}
			to.WriteVec(pieces)
			for range 3 { // or the far end fills up
				unix.Read(to.far, room)
			}
		})
		if got != 0 || e.Stats().RxFrames < 200 || to.Stats().TxFrames < 400 {
			t.Errorf("%v allocations a frame, %+v, %+v", got, e.Stats(), to.Stats())
		}
	})
}

// BenchmarkSplice passes small frames from far end to far end, 32 under way.
func BenchmarkSplice(b *testing.B) {
	eachKind(b, func(b *testing.B, kind string, rings *Rings) {
		b.Run(kind, func(b *testing.B) {
			s := newSplice(b, kind, rings)
			frame, room := marked(60, 0), make([]byte, 1<<17)
			from, to := s.ends[0], s.ends[1]
			b.ReportAllocs()
			b.ResetTimer()
			for sent, got := 0, 0; got < b.N; {
				for ; sent < b.N && sent-got < 32; sent++ {
					from.send(b, frame)
				}
				switch n, err := unix.Read(to.far, room); {
				case err == unix.EAGAIN:
					runtime.Gosched()
				case err == nil && ours(room[:n]):
					got++
				}
			}
			b.StopTimer()
			s.close(b)
		})
	})
}

// eachKind runs f for every kind, without and with io_uring.
func eachKind(b *testing.B, f func(b *testing.B, kind string, rings *Rings)) {
	for _, kind := range kinds(b) {
		b.Run("plain", func(b *testing.B) { f(b, kind, nil) })
		if rings := newRings(b); rings != nil {
			b.Run("uring", func(b *testing.B) { f(b, kind, rings) })
		}
	}
}

func BenchmarkTCP(b *testing.B) {
	eachKind(b, func(b *testing.B, kind string, rings *Rings) {
		if kind != "tap" {
			return
		}
		b.Run(kind, func(b *testing.B) {
			s := newSplice(b, kind, rings)
			for i, addr := range []string{"10.9.0.1/24", "10.9.0.2/24"} {
				s.ends[i].ns.AddAddr(b, "t0", addr)
			}
			s.ends[0].ns.BenchmarkTransfer(b, s.ends[1].ns, "10.9.0.2")
			s.close(b)
		})
	})
}
