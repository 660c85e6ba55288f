package verify

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/ipvl/ipvl/link"
	"github.com/ipvl/ipvl/link/vnet"
)

// TestLoss has a far side refuse every third write: what it refuses is counted, and what it takes
// is whole.
func TestLoss(t *testing.T) {
	for _, have := range []vnet.Features{vnet.FeaturesAll, vnet.FeatureCsum} {
		all := siblings.make(random(t), table(0))
		want := expect(all)
		end := &memory{features: have, full: 3}
		l := newLab(t, [3]link.Port{&memory{}, batching{end}, &memory{}}, link.MasterOptions{Mode: link.ModeL2})
		var b link.Batch
		for _, round := range rounds(all, true) {
			l.carry(0, cloned(round), &b)
		}
		got := end.take(t, want.names)
		for k, have := range got.of {
			left := want.of[k]
			for _, f := range have { // in order, and each as it was sent
				for len(left) > 0 && string(left[0]) != string(f) {
					left = left[1:]
				}
				if len(left) == 0 {
					t.Fatalf("%v (%s): a frame that was not sent, or not in this order", k, want.names[k.other()])
				}
				left = left[1:]
			}
		}
		end.mu.Lock()
		lost, drops := uint64(end.lost), l.dev[1].Stats().Drops["write"]+l.dev[0].Stats().Drops["write"]
		end.mu.Unlock()
		// A super-frame that is cut for the far side is one frame to the counters: the first
		// refusal ends it.
		if drops != lost || lost == 0 {
			t.Errorf("features %#x: %d refused, %d counted", have, lost, drops)
		}
	}
}

// closing is a port that may be closed, and minds what comes afterwards.
type closing struct {
	memory
	use    sync.RWMutex
	closed bool // +checklocks:use
	count  atomic.Uint64
}

func (c *closing) WriteFrame([]byte) error {
	c.use.RLock()
	defer c.use.RUnlock()
	if c.closed {
		return errFull
	}
	c.count.Add(1)
	return nil
}

func (c *closing) WriteVec([][]byte) error { return c.WriteFrame(nil) }

func (c *closing) WriteFrames(frames [][]byte) (lost int) {
	for range frames {
		if c.WriteFrame(nil) != nil {
			lost++
		}
	}
	return lost
}

// TestRemoveUnderLoad closes a device while others send it batches: when that is over and what was
// under way is, too, nothing reaches its port any more.
func TestRemoveUnderLoad(t *testing.T) {
	all := siblings.make(random(t), table(0)[:24])
	for range 20 {
		end := &closing{memory: memory{features: vnet.FeaturesAll}}
		l := newLab(t, [3]link.Port{&memory{}, end, &memory{}}, link.MasterOptions{Mode: link.ModeL2})
		stop := make(chan struct{})
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				var b link.Batch
				for {
					select {
					case <-stop:
						return
					default:
						for _, round := range rounds(all, true) {
							l.carry(0, cloned(round), &b)
						}
					}
				}
			})
		}
		for end.count.Load() == 0 {
			runtime.Gosched()
		}
		l.dev[1].Close()
		close(stop)
		wg.Wait()
		before := end.count.Load()
		l.carry(0, cloned(rounds(all, true)[0]), new(link.Batch))
		if n := end.count.Load() - before; n > 0 {
			t.Fatalf("%d frames after the device was removed", n)
		}
	}
}

// TestCloseUnderLoad closes the ports of interfaces while bursts are under way. The rig sees to it
// that every Serve ends without an error.
func TestCloseUnderLoad(t *testing.T) {
	for _, rings := range []bool{false, true} {
		for which := range 3 {
			t.Run(fmt.Sprintf("port %d, io_uring %v", which, rings), func(t *testing.T) {
				t.Parallel()
				closeUnderLoad(t, newRig(t, setting{rings: rings}), which)
			})
		}
	}
}

func closeUnderLoad(t *testing.T, r *rig, which int) {
	all := siblings.make(random(t), kernelTable(0, true)[:60])
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, round := range rounds(all, true) {
			for _, f := range round {
				_, _ = r.far[0].file.Write(f)
			}
		}
	}()
	if !r.far[1].wait(50) {
		t.Error("nothing came before the port was closed")
	}
	if err := r.ports[which].Close(); err != nil {
		t.Error(err)
	}
	if lost := r.ports[which].WriteFrames(cloned(rounds(all, true)[0][:8])); lost != 8 {
		t.Errorf("%d of 8 frames were taken after the port was closed", 8-lost)
	}
	<-done
}
