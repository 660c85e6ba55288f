package load

import (
	"slices"
	"time"
)

// trips records how long round trips took, without allocation.
type trips struct {
	ns []uint32
}

func newTrips() *trips { return &trips{ns: make([]uint32, 0, maxTrips)} }

func (t *trips) full() bool { return len(t.ns) == cap(t.ns) }

func (t *trips) add(d time.Duration) { t.ns = append(t.ns, uint32(min(d, 1<<32-1))) }

// result is the summary of trips that took total.
func (t *trips) result(total time.Duration) Result {
	r := Result{Ops: uint64(len(t.ns)), Seconds: total.Seconds()}
	if len(t.ns) == 0 {
		return r
	}
	slices.Sort(t.ns)
	var sum uint64
	for _, n := range t.ns {
		sum += uint64(n)
	}
	at := func(q float64) float64 { return float64(t.ns[int(q*float64(len(t.ns)-1))]) / 1000 }
	r.Mean = float64(sum) / float64(len(t.ns)) / 1000
	r.P50, r.P99, r.Max = at(0.5), at(0.99), at(1)
	return r
}
