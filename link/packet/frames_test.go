package packet

import (
	"bytes"
	"testing"

	"github.com/ipvl/ipvl/link/internal/fdio"
	"github.com/ipvl/ipvl/link/internal/nstest"
	"github.com/ipvl/ipvl/link/vnet"
)

// eachWay runs f on a veth pair: without rings, and with those that the kernel permits.
func eachWay(t *testing.T, f func(t *testing.T, ns *nstest.Namespace, near, far *Port)) {
	run := func(t *testing.T, rings *Rings) {
		ns := nstest.New(t)
		v, vp := ns.Veth(t, "v", ns, "vp")
		f(t, ns, open(t, ns, Options{Index: v.Index, Rings: rings}), openAll(t, ns, vp.Index))
	}
	t.Run("plain", func(t *testing.T) { run(t, nil) })
	rings, err := fdio.NewRings()
	if err != nil {
		t.Logf("only plain system calls: %v", err)
		return
	}
	t.Cleanup(rings.Close)
	t.Run("uring", func(t *testing.T) { run(t, rings) })
}

// Frames of a batch arrive in order; one that cannot be sent keeps none back.
func TestWriteFrames(t *testing.T) {
	eachWay(t, func(t *testing.T, ns *nstest.Namespace, near, far *Port) {
		var frames, want [][]byte
		var size uint64
		for i := range 3*fdio.BatchMax + 1 {
			f := marked(60+i, byte(i))
			switch i % 7 {
			case 2:
				f = f[:fdio.FrameMin-1]
			case 5:
				f = marked(1600, byte(i)) // over the MTU
			default:
				want = append(want, f)
				size += uint64(len(f) - vnet.HeaderLen)
			}
			frames = append(frames, f)
		}
		got := make(chan []byte, len(want))
		done := serve(far, collect(got))
		bad := len(frames) - len(want)
		if lost := near.WriteFrames(frames); lost != bad {
			t.Errorf("%d lost, want %d", lost, bad)
		}
		for i, w := range want {
			if b := <-got; !bytes.Equal(b[vnet.HeaderLen:], w[vnet.HeaderLen:]) {
				t.Fatalf("frame %d: %x", i, b)
			}
		}
		if s := near.Stats(); s.TxFrames != uint64(len(want)) || s.TxBytes != size || s.TxErrors != uint64(bad) {
			t.Errorf("%+v, want %d frames, %d bytes, %d errors", s, len(want), size, bad)
		}
		ns.SetUp(t, "v", false)
		if lost := near.WriteFrames(frames); lost != len(frames) {
			t.Errorf("down: %d lost, want %d", lost, len(frames))
		}
		near.Close()
		if lost := near.WriteFrames(frames); lost != len(frames) {
			t.Errorf("closed: %d lost, want %d", lost, len(frames))
		}
		far.Close()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
}

// A batch that finds no room is counted frame by frame, whichever way it goes.
func TestWriteFramesFull(t *testing.T) {
	eachWay(t, func(t *testing.T, ns *nstest.Namespace, near, _ *Port) {
		stall(t, ns, "v")
		lost, batch := 0, make([][]byte, fdio.BatchMax)
		for i := range batch {
			batch[i] = marked(1514, byte(i))
		}
		for range 1 << 15 {
			if lost = near.WriteFrames(batch); lost != 0 {
				break
			}
		}
		if s := near.Stats(); lost == 0 || s.TxFull != uint64(lost) || s.TxErrors != 0 {
			t.Errorf("%d lost: %+v", lost, s)
		}
	})
}
