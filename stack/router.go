package stack

import (
	"net/netip"
	"sync"
	"sync/atomic"

	"gvisor.dev/gvisor/pkg/tcpip"
	tcpipstack "gvisor.dev/gvisor/pkg/tcpip/stack"

	"github.com/ipvl/ipvl/stack/fib"
)

// Lookup is how routes are chosen. The zero value is the kernel's way.
type Lookup uint8

const (
	// LookupKernel is what the ipvlan driver does: bound to the master.
	LookupKernel Lookup = iota
	// LookupFull obeys every route, rule and interface of the namespace, and
	// says with ICMP errors why a packet goes nowhere.
	LookupFull
)

// RouterOptions is what a Router is made of.
type RouterOptions struct {
	// MasterIndex is the master's interface index in the Mirror.
	MasterIndex int
	// Mirror is the default namespace's state. It must not be nil.
	Mirror *Mirror
	// Emit sends a frame that waited; its MAC addresses are filled in, and in
	// hop as well. The frame is borrowed for the call. Emit is called without
	// any lock held, by one goroutine at a time for a next hop, in the order
	// of Hold. It must not be nil.
	Emit func(hop Hop, frame []byte)
	// Clock is the time; nil is the system's.
	Clock tcpip.Clock
	// Lookup chooses how routes are looked up; SetLookup changes it.
	Lookup Lookup
	// Reject is called with LookupFull for each frame that waited for a
	// neighbour that did not answer; the frame is lost, and hop.ICMP is the
	// error to give its sender. The frame is borrowed for the call, which is
	// made without any lock held. Nil drops silently.
	Reject func(hop Hop, frame []byte)
	// MaxNeighbors bounds the next hops known at once, permanent ones not
	// counted; 0 is 1024, as the kernel's gc_thresh3.
	MaxNeighbors int
}

// Router finds the next hop of what a device sends in L3 mode. Any number of
// goroutines may use it. Its limits and locks are in the package's
// documentation.
type Router struct {
	master int
	mirror *Mirror
	emit   func(Hop, []byte)
	reject func(Hop, []byte) // or nil
	lookup atomic.Uint32     // a Lookup
	clock  tcpip.Clock
	hops   *neighborTable // read without a lock
	wire   atomic.Pointer[wireState]
	count  counters

	netstack *tcpipstack.Stack
	quiet    *quiet
	unwatch  func()

	// syncMu serialises sync, which calls into gVisor. It is taken before
	// anything else.
	syncMu sync.Mutex
	// +checklocks:syncMu
	owned tcpip.Address // the IPv6 address that the netstack has, or none

	// mu guards the neighbours but for their hw. gVisor calls with a
	// neighbour entry's lock held and takes mu then: never call gVisor with
	// mu held.
	mu sync.Mutex
	// +checklocks:mu
	closed bool
	// +checklocks:mu
	resolving int // neighbours that wait for gVisor's answer
	// +checklocks:mu
	permanent int // neighbours that the Mirror binds
	// +checklocks:mu
	heldBytes int // of all queues
}

// wireState is what the data path needs to know of the master; immutable.
type wireState struct {
	mac    [6]byte
	up     bool
	closed bool
}

// NewRouter makes a Router whose neighbours are on ep, the lower endpoint
// towards the master's wire: an Ethernet endpoint that parses the link header
// of what it delivers and adds one in AddHeader. The Router attaches to ep
// and detaches in Close; it does not close it. ep is written to for ARP
// requests and neighbour solicitations, nothing else.
func NewRouter(ep tcpipstack.LinkEndpoint, o RouterOptions) (*Router, error) {
	if err := o.check(ep); err != nil {
		return nil, &Error{Op: "new router", Err: err}
	}
	r := &Router{master: o.MasterIndex, mirror: o.Mirror, emit: o.Emit, reject: o.Reject, clock: o.Clock}
	r.SetLookup(o.Lookup)
	if r.clock == nil {
		r.clock = tcpip.NewStdClock()
	}
	if o.MaxNeighbors <= 0 {
		o.MaxNeighbors = defaultMaxNeighbors
	}
	r.hops = newNeighborTable(o.MaxNeighbors)
	r.quiet = newQuiet(ep, r)
	r.wire.Store(r.readWire(o.Mirror.FIB()))
	if err := r.start(); err != nil {
		return nil, &Error{Op: "new router", Err: err}
	}
	r.unwatch = o.Mirror.Watch(r.sync)
	r.sync()
	return r, nil
}

const (
	// defaultMaxNeighbors is gc_thresh3 of the kernel's neighbour tables.
	defaultMaxNeighbors = 1024
	// maxResolving bounds the resolutions under way. It is below the 512
	// entries of gVisor's cache (NeighborCacheSize), so that a device that
	// scans a subnet cannot push those out before they are answered.
	maxResolving = 256
)

func (o *RouterOptions) check(ep tcpipstack.LinkEndpoint) error {
	switch {
	case ep == nil:
		return ErrNoEndpoint
	case o.Mirror == nil:
		return ErrNoMirror
	case o.Emit == nil:
		return ErrNoEmit
	}
	return nil
}

// SetLookup changes how routes are looked up, for the packets that come after.
func (r *Router) SetLookup(l Lookup) { r.lookup.Store(uint32(l)) }

// Lookup is how routes are looked up.
func (r *Router) Lookup() Lookup { return Lookup(r.lookup.Load()) }

// Next says where a packet goes. It takes no lock and does not allocate,
// but for the first use of a neighbour that is due for confirmation.
func (r *Router) Next(q Query) (h Hop) {
	w := r.wire.Load()
	if w.closed {
		h.Reason = ReasonClosed
		r.count.drops[ReasonClosed].Add(1)
		return h
	}
	if q.Dst.Is6() && q.Dst.IsMulticast() && w.up {
		return r.group(w, q.Dst)
	}
	full := r.Lookup() == LookupFull
	fq := fib.Query{Dst: q.Dst, Src: q.Src, TOS: q.TOS, Proto: q.Proto, Mark: q.Mark, Hash: q.Hash}
	table := r.mirror.FIB()
	var res fib.Result
	if full {
		res = table.LookupFull(r.master, fq)
		h.ICMP.From = table.Select(r.master, q.Src)
	} else {
		res = table.LookupKernel(r.master, fq)
	}
	h.Index = res.Index
	switch {
	case res.Verdict == fib.VerdictLocal:
		h.Verdict, h.MTU = VerdictLocal, res.MTU
		return h
	case res.Verdict == fib.VerdictDrop:
		h.Reason = reasonOf(res.Reason)
		if full {
			h.refuse(q.Dst, res.Type == fib.Unreachable)
		}
	case res.Index != r.master:
		h.Verdict, h.MTU, h.NextHop = VerdictElsewhere, res.MTU, res.NextHop
		return h
	case !w.up:
		h.Reason = ReasonLinkDown
	}
	if h.Reason != ReasonNone {
		r.count.drops[h.Reason].Add(1)
		return h
	}
	h.Verdict, h.Src, h.MTU, h.NextHop = VerdictWait, w.mac, res.MTU, res.NextHop
	n := r.hops.get(res.NextHop)
	if n == nil {
		return h
	}
	hw := n.hw.Load()
	if hw&hwValid == 0 {
		return h
	}
	if hw&hwStale != 0 {
		r.confirm(n, hw)
	}
	h.Verdict, h.Dst = VerdictSend, unpackMAC(hw)
	return h
}

// group is where a packet to an IPv6 group goes: onto the master's wire, to
// the group's MAC address (RFC 2464 section 7), as the table local's ff00::/8
// says. For IPv4 the driver drops such a packet (T3-28).
func (r *Router) group(w *wireState, dst netip.Addr) Hop {
	a := dst.As16()
	i, _ := r.mirror.FIB().Iface(r.master)
	return Hop{
		Verdict: VerdictSend, Dst: [6]byte{0x33, 0x33, a[12], a[13], a[14], a[15]}, Src: w.mac,
		MTU: i.MTU, Index: r.master, NextHop: dst,
	}
}

// drop counts n packets.
func (r *Router) drop(reason Reason, n int) { r.count.drops[reason].Add(uint64(n)) }

// Close detaches the Router and drops what waits; Next drops from then on. A
// call of Emit that is under way may still end afterwards. Close is
// idempotent.
func (r *Router) Close() error {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return nil
	}
	r.closed = true
	for _, n := range r.hops.list() {
		r.forget(n, ReasonClosed)
	}
	r.mu.Unlock()
	w := *r.wire.Load()
	w.closed = true
	r.wire.Store(&w)
	r.unwatch()
	r.syncMu.Lock()
	defer r.syncMu.Unlock()
	r.netstack.Destroy()
	return nil
}
