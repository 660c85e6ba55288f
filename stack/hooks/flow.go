package hooks

import (
	"sync"
	"sync/atomic"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
)

// The timeouts are gVisor's (conntrack.go), which are the kernel's for the two
// states that gVisor knows: nf_conntrack_tcp_timeout_established, and 120 s.
const (
	aliveTimeout = 5 * 24 * time.Hour
	otherTimeout = 120 * time.Second
	// refreshEvery is how often gVisor hears of a connection other than TCP
	// that is in use. It must be far below otherTimeout.
	refreshEvery = time.Second
)

// The directions of a flow.
const (
	original = 0
	reply    = 1
)

// flow is a tracked connection as gVisor has decided on it: its tuples are
// gVisor's, after NAT, and do not change any more.
type flow struct {
	tuples [2]tuple
	// used is when gVisor last heard of the connection, in monotonic
	// nanoseconds. It is written before gVisor is told, so that a flow never
	// outlives gVisor's connection.
	used    atomic.Int64
	replied atomic.Bool // a packet of the reply direction was seen
	alive   atomic.Bool // TCP, and established
	closing atomic.Bool // TCP, and a FIN was seen: alive may end any time
	gone    atomic.Bool // taken out of the table, or about to be
	packets [2]atomic.Uint64
	bytes   [2]atomic.Uint64
}

// translated is what a packet of direction dir becomes.
func (f *flow) translated(dir int) tuple { return f.tuples[1-dir].inverse() }

func (f *flow) expires(now tcpip.MonotonicTime) time.Duration {
	timeout := otherTimeout
	if f.alive.Load() {
		timeout = aliveTimeout
	}
	return timeout - now.Sub(monotonic(f.used.Load()))
}

// monotonic and nanos turn gVisor's time, which is opaque, into a number.
func monotonic(ns int64) tcpip.MonotonicTime {
	return tcpip.MonotonicTime{}.Add(time.Duration(ns))
}
func nanos(t tcpip.MonotonicTime) int64 { return int64(t.Sub(tcpip.MonotonicTime{})) }

const (
	numShards  = 64
	sweepEvery = 10 * time.Second
)

// flowTable finds flows by either tuple.
type flowTable struct {
	count  atomic.Int64
	shards [numShards]shard
}

type shard struct {
	mu sync.RWMutex
	// +checklocks:mu
	m map[tuple]entry
}

type entry struct {
	f   *flow
	dir int
}

func (t *flowTable) shard(k *tuple) *shard { return &t.shards[k.mix()%numShards] }

// get is the flow of which k is a tuple, and its direction; nil for none. One
// that has timed out is none.
func (t *flowTable) get(k *tuple, now tcpip.MonotonicTime) (*flow, int) {
	s := t.shard(k)
	s.mu.RLock()
	e := s.m[*k]
	s.mu.RUnlock()
	if e.f == nil || e.f.gone.Load() || e.f.expires(now) < 0 {
		return nil, 0
	}
	return e.f, e.dir
}

// add puts f under both of its tuples. What is there already has timed out.
func (t *flowTable) add(f *flow) {
	for dir := range f.tuples {
		t.put(&f.tuples[dir], entry{f, dir})
	}
	t.count.Add(1)
}

func (t *flowTable) put(k *tuple, e entry) {
	s := t.shard(k)
	s.mu.Lock()
	old, there := s.m[*k]
	if s.m == nil {
		s.m = make(map[tuple]entry)
	}
	// One whose two tuples are the same stays under the original.
	if !there || old.f != e.f {
		s.m[*k] = e
	}
	s.mu.Unlock()
	if there && old.f != e.f {
		t.drop(old.f, k)
	}
}

// drop takes f out from wherever it still is; its entry at k has been taken
// over.
func (t *flowTable) drop(f *flow, k *tuple) {
	t.forget(f)
	for i := range f.tuples {
		other := &f.tuples[i]
		if *other == *k {
			continue
		}
		s := t.shard(other)
		s.mu.Lock()
		if s.m[*other].f == f {
			delete(s.m, *other)
		}
		s.mu.Unlock()
	}
}

// forget stops counting f, once.
func (t *flowTable) forget(f *flow) {
	if f.gone.CompareAndSwap(false, true) {
		t.count.Add(-1)
	}
}

// sweep removes what has timed out.
func (t *flowTable) sweep(now tcpip.MonotonicTime) {
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		for k, e := range s.m {
			if e.f.gone.Load() || e.f.expires(now) < 0 {
				delete(s.m, k)
				t.forget(e.f)
			}
		}
		s.mu.Unlock()
	}
}

// all calls f for each flow.
func (t *flowTable) all(f func(*flow)) {
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.RLock()
		for _, e := range s.m {
			if e.dir == original {
				f(e.f)
			}
		}
		s.mu.RUnlock()
	}
}
