package link

import (
	"sync/atomic"
	"time"
)

const (
	// errorInterval is what lies between two ICMP errors for one device on
	// average: 1000 a second (icmp_msgs_per_sec).
	errorInterval = int64(time.Second / 1000)
	// errorBurst is how many may come at once (icmp_msgs_burst).
	errorBurst = 50
)

// bucket is a token bucket in the form of the generic cell rate algorithm
// (ITU-T I.371): one word, the time at which it is full again, in nanoseconds.
type bucket struct{ full atomic.Int64 }

// take takes a token at time now, if there is one.
func (b *bucket) take(now int64) bool {
	for {
		old := b.full.Load()
		next := max(old, now) + errorInterval
		if next-now > errorBurst*errorInterval {
			return false
		}
		if b.full.CompareAndSwap(old, next) {
			return true
		}
	}
}
