package link

import "sync"

// floodLimit is how many group frames wait at most (IPVLAN_QBACKLOG_LIMIT).
const floodLimit = 1000

// flood is one group frame on its way to many, or what the master itself says
// to one device.
type flood struct {
	frame *[]byte
	from  *Device // not among its ways; nil: the wire, which then is not
	by    *Device // who sent it, also where it goes the way of the wire's
	to    *Device // the only one who gets it, or nil
}

// floodQueue carries group frames to the devices from a goroutine of its own,
// as ipvlan's work queue does: a frame to a thousand devices must not stall
// unicast, and a device that answers from within its delivery must not
// recurse into the sender.
type floodQueue struct {
	m     *Master
	queue chan flood
	stop  chan struct{}
	done  chan struct{}
	once  sync.Once
	pool  sync.Pool
}

func newFloodQueue(m *Master) *floodQueue {
	q := &floodQueue{
		m:     m,
		queue: make(chan flood, floodLimit),
		stop:  make(chan struct{}),
		done:  make(chan struct{}),
	}
	q.pool.New = func() any { return new([]byte) }
	go q.run()
	return q
}

// copyOf returns a pooled copy of frame.
func (q *floodQueue) copyOf(frame []byte) *[]byte {
	b := q.pool.Get().(*[]byte)
	*b = append((*b)[:0], frame...)
	return b
}

// build returns what f appends to a pooled buffer.
func (q *floodQueue) build(f func(b []byte) []byte) *[]byte {
	b := q.pool.Get().(*[]byte)
	*b = f((*b)[:0])
	return b
}

// put takes f's frame over, which came from copyOf or build.
func (q *floodQueue) put(f flood) {
	select {
	case q.queue <- f:
	default:
		q.pool.Put(f.frame)
		if f.to != nil {
			f.from = f.to
		}
		q.m.countDrop(f.from, ReasonQueueFull)
	}
}

func (q *floodQueue) run() {
	defer close(q.done)
	for {
		select {
		case <-q.stop:
			return
		case f := <-q.queue:
			q.m.spread(f)
			q.pool.Put(f.frame)
		}
	}
}

// close waits for the frame in hand; what still waits is discarded
// (ipvlan_port_destroy). It must not be called from within a delivery.
func (q *floodQueue) close() {
	q.once.Do(func() { close(q.stop) })
	<-q.done
}
