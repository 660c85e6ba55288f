package tap

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"github.com/ipvl/ipvl/link/internal/fdio"
	"github.com/ipvl/ipvl/link/internal/nstest"
	"github.com/ipvl/ipvl/link/vnet"
	"golang.org/x/sys/unix"
)

func TestWrite(t *testing.T) {
	each(t, func(t *testing.T, e *ends) {
		for _, n := range []int{14, 15, 60, 1514, 9000} {
			want := marked(n, byte(n))
			var single [][]byte
			for i := range want {
				single = append(single, want[i:i+1])
			}
			for name, err := range map[string]error{
				"whole":          e.WriteFrame(want),
				"pieces":         e.WriteVec([][]byte{want[:10], nil, want[10:20], want[20:]}),
				"many pieces":    e.WriteVec(single[:min(len(want), 100)]),
				"header and all": e.WriteVec([][]byte{want}),
			} {
				if err != nil {
					t.Fatalf("%d bytes, %s: %v", n, name, err)
				}
				got := e.receive(t)
				if !bytes.Equal(got[vnet.HeaderLen:], want[vnet.HeaderLen:len(got)]) {
					t.Errorf("%d bytes: got %x", n, got)
				}
			}
		}
		if s := e.Stats(); s.TxFrames != 20 || s.TxErrors != 0 {
			t.Errorf("%+v, want 20 frames sent", s)
		}
	})
}

// Frames of a batch arrive in order; one that cannot be written keeps none back.
func TestWriteFrames(t *testing.T) {
	each(t, func(t *testing.T, e *ends) {
		var frames, want [][]byte
		for i := range 3*fdio.BatchMax + 1 {
			f := marked(60+i, byte(i))
			if i%5 == 2 {
				f = f[:fdio.FrameMin-1]
			} else {
				want = append(want, f)
			}
			frames = append(frames, f)
		}
		if lost := e.WriteFrames(frames); lost != len(frames)-len(want) {
			t.Errorf("%d lost, want %d", lost, len(frames)-len(want))
		}
		var size uint64
		for i, w := range want {
			size += uint64(len(w) - vnet.HeaderLen)
			if got := e.receive(t); !bytes.Equal(got[vnet.HeaderLen:], w[vnet.HeaderLen:]) {
				t.Fatalf("frame %d: %x", i, got)
			}
		}
		if s := e.Stats(); s.TxFrames != uint64(len(want)) || s.TxBytes != size || s.TxErrors != uint64(len(frames)-len(want)) {
			t.Errorf("%+v, want %d frames, %d bytes", s, len(want), size)
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		if lost := e.WriteFrames(frames[:2]); lost != 2 {
			t.Errorf("closed: %d lost, want 2", lost)
		}
	})
}

func TestServe(t *testing.T) {
	each(t, func(t *testing.T, e *ends) {
		const n = 3 * fdio.BatchMax // queued before Serve starts, so that it batches
		for i := range n {
			e.send(t, marked(60+i, byte(i)))
		}
		got := make(chan []byte, n)
		done := serve(e.Port, func(b []byte) {
			if cap(b) != len(b) {
				t.Errorf("a frame of %d bytes gives access to %d", len(b), cap(b))
			}
			if ours(b) {
				got <- bytes.Clone(b)
			}
		})
		for i := range n {
			if b := <-got; !bytes.Equal(b[vnet.HeaderLen:], marked(60+i, byte(i))[vnet.HeaderLen:]) {
				t.Fatalf("frame %d is %x", i, b)
			}
		}
		if s := e.Stats(); s.RxFrames < n || s.RxBytes < n*60 || s.RxMalformed != 0 {
			t.Errorf("%+v, want %d frames received", s, n)
		}
		e.Close()
		if err := <-done; err != nil {
			t.Errorf("Serve after Close: %v, want nil", err)
		}
		if err := e.Serve(func([]byte) {}); err != nil {
			t.Errorf("Serve on a closed port: %v, want nil", err)
		}
	})
}

// TestServeSizes mixes frames around what counts as small.
func TestServeSizes(t *testing.T) {
	e := newEnds(t, "sockets")
	sizes := []int{60, 60, 60, 60, fdio.SmallMax, 60, fdio.SmallMax + 1, 60, 60, 60, 60, 60, fdio.FrameMax - 10, 60, fdio.FrameMax - 10}
	got := make(chan []byte, len(sizes))
	serve(e.Port, func(b []byte) { got <- bytes.Clone(b) })
	for i := range 40 { // rounds, each short enough for the sockets' buffer
		for k, n := range sizes[i%5*3 : i%5*3+3] {
			e.send(t, marked(n, byte(k)))
		}
		for k, n := range sizes[i%5*3 : i%5*3+3] {
			if b := <-got; !bytes.Equal(b, marked(n, byte(k))) {
				t.Fatalf("round %d: frame %d of %d bytes came as %d bytes", i, k, n, len(b))
			}
		}
	}
}

// TestServeMalformed reads what no TAP gives.
func TestServeMalformed(t *testing.T) {
	e := newEnds(t, "sockets")
	e.send(t, make([]byte, vnet.HeaderLen-1))
	e.send(t, marked(fdio.FrameMax-vnet.HeaderLen+1, 0))
	e.send(t, marked(60, 1))
	got := make(chan int, 1)
	serve(e.Port, func(b []byte) { got <- len(b) })
	if n := <-got; n != 70 || e.Stats().RxMalformed != 2 {
		t.Errorf("a frame of %d bytes came, %d were dropped; want 70, 2", n, e.Stats().RxMalformed)
	}
}

func TestWriteErrors(t *testing.T) {
	each(t, func(t *testing.T, e *ends) {
		for _, b := range [][]byte{nil, marked(14, 0)[:23]} {
			if err := e.WriteFrame(b); err != ErrMalformed {
				t.Errorf("WriteFrame of %d bytes: %v, want %v", len(b), err, ErrMalformed)
			}
			if err := e.WriteVec([][]byte{b}); err != ErrMalformed {
				t.Errorf("WriteVec of %d bytes: %v, want %v", len(b), err, ErrMalformed)
			}
		}
		if e.kind == "tap" {
			bad := marked(60, 0)
			(&vnet.Header{GSOType: vnet.GSOUDP + 4, GSOSize: 100}).Encode(bad)
			if err := e.WriteFrame(bad); err != ErrMalformed {
				t.Errorf("unknown segmentation: %v, want %v", err, ErrMalformed)
			}
			e.ns.SetUp(t, "t0", false)
			if err := e.WriteFrame(marked(60, 0)); err != ErrDown || e.Stats().TxDown != 1 {
				t.Errorf("down: %v, counted %d, want %v once", err, e.Stats().TxDown, ErrDown)
			}
			e.ns.Delete(t, "t0")
			if err := e.WriteFrame(marked(60, 0)); err != ErrGone {
				t.Errorf("deleted: %v, want %v", err, ErrGone)
			}
		} else {
			var err error
			for err == nil { // until the socket's buffer is full
				err = e.WriteFrame(marked(9000, 0))
			}
			if err != ErrFull {
				t.Errorf("full: %v, want %v", err, ErrFull)
			}
		}
		e.Close()
		if err := e.WriteFrame(marked(60, 0)); err != ErrClosed {
			t.Errorf("closed: %v, want %v", err, ErrClosed)
		}
		if err := e.WriteVec([][]byte{marked(60, 0)}); err != ErrClosed {
			t.Errorf("closed: %v, want %v", err, ErrClosed)
		}
	})
}

// TestCloseFromHandle closes where a deadlock is nearest.
func TestCloseFromHandle(t *testing.T) {
	each(t, func(t *testing.T, e *ends) {
		done := serve(e.Port, func([]byte) { e.Close() })
		e.send(t, marked(60, 0))
		if err := <-done; err != nil {
			t.Errorf("Serve: %v, want nil", err)
		}
		if err := e.Close(); err != nil {
			t.Errorf("second Close: %v", err)
		}
	})
}

// TestGone takes the far side away in every way; Serve has to notice.
func TestGone(t *testing.T) {
	type row struct {
		name, kind string
		away       func(t *testing.T, e *ends)
	}
	rows := []row{{"far socket closed", "sockets", func(t *testing.T, e *ends) { unix.Shutdown(e.far, unix.SHUT_RDWR) }}}
	for _, kind := range kinds(t) {
		if kind != "tap" {
			continue
		}
		rows = append(rows,
			row{"deleted", kind, func(t *testing.T, e *ends) { e.ns.Delete(t, "t0") }},
			row{"down, then deleted", kind, func(t *testing.T, e *ends) {
				e.ns.SetUp(t, "t0", false)
				e.ns.Delete(t, "t0")
			}},
			row{"namespace ended", kind, func(t *testing.T, e *ends) {
				to := nstest.New(t)
				e.ns.Move(t, "t0", to)
				to.End()
			}})
	}
	for _, c := range rows {
		t.Run(c.name, func(t *testing.T) {
			e := newEnds(t, c.kind)
			done := serve(e.Port, func([]byte) {})
			c.away(t, e)
			err := <-done
			if te := (*Error)(nil); !errors.Is(err, ErrGone) || !errors.As(err, &te) {
				t.Errorf("Serve: %v, want an *Error of %v", err, ErrGone)
			}
			if err := e.Serve(func([]byte) {}); !errors.Is(err, ErrGone) {
				t.Errorf("Serve again: %v, want %v", err, ErrGone)
			}
		})
	}
}

// TestUnpolled reads as Serve does when the poller refuses the descriptor.
func TestUnpolled(t *testing.T) {
	each(t, func(t *testing.T, e *ends) {
		r := newReader(e.Port)
		r.Unpolled() // nothing, or the kernel's own frames
		r.Take()
		e.send(t, marked(60, 0))
		for len(r.Take()) == 0 {
			r.Unpolled()
		}
		if r.failed() != nil {
			t.Error(r.failed())
		}
		e.Close()
		if r.Unpolled(); len(r.Take()) != 0 {
			t.Error("read from a closed port")
		}
	})
}

func TestNewErrors(t *testing.T) {
	near, far := sockets(t)
	defer near.Close()
	defer unix.Close(far)
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	closed, _ := os.Open(os.DevNull)
	closed.Close()
	type row struct {
		name string
		file *os.File
		want error // nil is any
	}
	rows := []row{
		{"socket", near, ErrNotTAP},
		{"null device", null, ErrNotTAP},
		{"closed", closed, nil},
		{"nil", nil, os.ErrInvalid},
	}
	for _, kind := range kinds(t) {
		if kind != "tap" {
			continue
		}
		nstest.New(t).Do(t, func() error {
			blocking := tapFile(t, "b0", unix.IFF_VNET_HDR)
			unix.SetNonblock(int(blocking.Fd()), false)
			unattached, err := os.OpenFile("/dev/net/tun", os.O_RDWR|unix.O_NONBLOCK, 0)
			rows = append(rows,
				row{"no header", tapFile(t, "h0", 0), ErrFlags},
				row{"blocking", blocking, ErrBlocking},
				row{"unattached", unattached, ErrNotTAP})
			return err
		})
	}
	for _, c := range rows {
		p, err := New(c.file, Options{})
		if te := (*Error)(nil); p != nil || c.want != nil && !errors.Is(err, c.want) || !errors.As(err, &te) {
			t.Errorf("%s: %v, %v, want an *Error of %v", c.name, p, err, c.want)
		}
	}
}
