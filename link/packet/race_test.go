package packet

import (
	"errors"
	"sync"
	"testing"
)

// TestConcurrent has many writers, filter changes and readings of counters run
// into Close.
func TestConcurrent(t *testing.T) {
	_, near, far := pair(t)
	done := serve(near, func([]byte) {})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				if err := near.WriteFrame(marked(60, 0)); err == ErrClosed {
					return
				} else if err != nil && err != ErrFull {
					t.Error(err)
				}
			}
		})
	}
	for _, f := range []Filter{{}, {Multicast: true}} {
		wg.Go(func() {
			for {
				if err := near.SetFilter(f); errors.Is(err, ErrClosed) {
					return
				} else if err != nil {
					t.Error(err)
				}
				near.Stats()
			}
		})
	}
	got := make(chan []byte, 100)
	serve(far, func(b []byte) {
		select {
		case got <- nil:
		default:
		}
	})
	for range cap(got) {
		<-got
	}
	near.Close()
	wg.Wait()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if s := near.Stats(); s.TxFrames < 100 {
		t.Errorf("%+v after Close, want 100 frames or more", s)
	}
}
