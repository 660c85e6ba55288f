package tap

import (
	"bytes"
	"crypto/sha256"
	"io"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/ipvl/ipvl/link/vnet"
)

// splice is two ports, each of which writes what the other reads:
//
//	left far end ── port ── Serve/WriteFrame ── port ── right far end
type splice struct {
	ends   [2]*ends
	done   [2]<-chan error
	open   atomic.Uint64 // frames above the MTU, with segmentation left open
	wrong  atomic.Uint64 // frames above the MTU without
	failed atomic.Uint64 // not written
}

func newSplice(t testing.TB, kind string, rings *Rings) *splice {
	s := &splice{ends: [2]*ends{newEndsOn(t, kind, rings), newEndsOn(t, kind, rings)}}
	for i, from := range s.ends {
		to := s.ends[1-i]
		done := make(chan error, 1)
		s.done[i] = done
		go func() {
			done <- from.ServeBatch(func(frames [][]byte) {
				for _, b := range frames {
					s.look(b)
				}
				if lost := to.WriteFrames(frames); lost > 0 && !to.file.Closed() {
					s.failed.Add(uint64(lost))
				}
			})
		}()
	}
	return s
}

func (s *splice) look(b []byte) {
	var h vnet.Header
	switch {
	case len(b) <= vnet.HeaderLen+1514 || h.Decode(b) != nil:
	case h.GSOType == vnet.GSONone || h.Flags&vnet.FlagNeedsCsum == 0:
		s.wrong.Add(1)
	default:
		s.open.Add(1)
	}
}

func (s *splice) close(t testing.TB) {
	for i, e := range s.ends {
		e.Close()
		if err := <-s.done[i]; err != nil {
			t.Errorf("Serve %d: %v", i, err)
		}
	}
}

// TestSpliceFrames sends frames of all sizes from far end to far end.
func TestSpliceFrames(t *testing.T) {
	each(t, func(t *testing.T, e *ends) {
		s := newSplice(t, e.kind, e.rings)
		seed := rand.Uint64()
		r := rand.New(rand.NewPCG(seed, 0))
		for i := range 300 {
			want := marked(14+r.IntN(1501), byte(i))
			from := i & 1
			s.ends[from].send(t, want)
			if got := s.ends[1-from].receive(t); !bytes.Equal(got[vnet.HeaderLen:], want[vnet.HeaderLen:]) {
				t.Fatalf("seed %d: frame %d is %x, want %x", seed, i, got, want)
			}
		}
		s.close(t)
		if s.failed.Load() != 0 {
			t.Errorf("%d frames were not written", s.failed.Load())
		}
	})
}

// TestSpliceStream sends 16 MiB: by TCP between two kernel stacks, or in frames
// of 64 KiB as TCP would make them.
func TestSpliceStream(t *testing.T) {
	each(t, func(t *testing.T, e *ends) {
		s := newSplice(t, e.kind, e.rings)
		data := make([]byte, 16<<20)
		rand.NewChaCha8([32]byte{}).Read(data)
		sum := sha256.New()
		if e.kind == "tap" {
			for i, addr := range []string{"10.9.0.1/24", "10.9.0.2/24"} {
				s.ends[i].ns.AddAddr(t, "t0", addr)
			}
			s.ends[0].ns.Transfer(t, s.ends[1].ns, "10.9.0.2", bytes.NewReader(data), sum)
		} else {
			s.frames(t, data, sum)
		}
		s.close(t)
		if want := sha256.Sum256(data); !bytes.Equal(sum.Sum(nil), want[:]) {
			t.Error("what arrived is not what was sent")
		}
		if s.open.Load() < 100 || s.wrong.Load() != 0 || s.failed.Load() != 0 {
			t.Errorf("%d frames above the MTU, %d without open segmentation, %d not written; want 100 or more, 0, 0",
				s.open.Load(), s.wrong.Load(), s.failed.Load())
		}
	})
}

// frames sends data from left to right, one frame after the other.
func (s *splice) frames(t testing.TB, data []byte, sink io.Writer) {
	h := vnet.Header{Flags: vnet.FlagNeedsCsum, GSOType: vnet.GSOTCPv4, HdrLen: 54, GSOSize: 1460, CsumStart: 34, CsumOffset: 16}
	const payload = 65536
	for ; len(data) > 0; data = data[payload:] {
		frame := append(marked(14, 0), data[:payload]...)
		h.Encode(frame)
		s.ends[0].send(t, frame)
		got := s.ends[1].receive(t)
		if !bytes.Equal(got[:vnet.HeaderLen], frame[:vnet.HeaderLen]) {
			t.Fatalf("header %x became %x", frame[:vnet.HeaderLen], got[:vnet.HeaderLen])
		}
		sink.Write(got[len(got)-payload:])
	}
}
