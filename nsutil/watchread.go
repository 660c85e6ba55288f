package nsutil

import (
	"encoding/binary"
	"errors"

	"golang.org/x/sys/unix"

	"github.com/ipvl/ipvl/nsutil/rtnl"
)

// noNSID is the absence of an id in the ancillary data: the own namespace.
const noNSID = -1

// reader collects what the socket has. It belongs to the Watcher's goroutine.
type reader struct {
	own *ownNSID
	buf []byte
	oob [64]byte
	decoder
	err error
}

// drain reads until the socket is empty or a batch is full. It is called by
// Go's poller, and returns false to be called when there is more.
func (r *reader) drain(fd uintptr) bool {
	for len(r.events) < batchSize {
		n, oobn, flags, from, err := unix.Recvmsg(int(fd), r.buf, r.oob[:], 0)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EAGAIN):
			return len(r.events) > 0
		case errors.Is(err, unix.ENOBUFS):
			r.overrun()
			continue
		case err != nil:
			r.err = err
			return true
		}
		if sender, ok := from.(*unix.SockaddrNetlink); !ok || sender.Pid != 0 {
			continue // not from the kernel
		}
		if flags&unix.MSG_TRUNC != 0 {
			r.overrun()
			continue
		}
		r.datagram(r.own.of(nsidOf(r.oob[:oobn])), r.buf[:n])
		if r.nsidsChanged {
			r.nsidsChanged = false
			r.own.refresh()
		}
	}
	return true
}

// nsidOf reads the id of the namespace of a datagram from its ancillary data.
func nsidOf(oob []byte) int {
	for len(oob) > 0 {
		h, data, rest, err := unix.ParseOneSocketControlMessage(oob)
		if err != nil {
			return noNSID
		}
		if h.Level == unix.SOL_NETLINK && h.Type == unix.NETLINK_LISTEN_ALL_NSID && len(data) >= 4 {
			return int(int32(binary.NativeEndian.Uint32(data)))
		}
		oob = rest
	}
	return noNSID
}

// decoder makes events of datagrams. It knows nothing of sockets.
type decoder struct {
	events []Event
	// route, rule and nextHop: the batch has such an event already.
	route, rule, nextHop bool
	// foreign are the other namespaces whose routes changed in this batch.
	foreign map[int]bool
	// nsidsChanged: a namespace got an id, maybe the own one.
	nsidsChanged bool
}

// take returns the batch and begins a new one.
func (d *decoder) take() []Event {
	events := d.events
	*d = decoder{nsidsChanged: d.nsidsChanged}
	return events
}

// overrun notes that events were lost, once in a row.
func (d *decoder) overrun() {
	if n := len(d.events); n == 0 || d.events[n-1].Kind != EventOverrun {
		d.events = append(d.events, Event{Kind: EventOverrun, NSID: noNSID})
	}
}

// datagram reads all messages of one datagram of a namespace.
func (d *decoder) datagram(nsid int, b []byte) {
	for {
		m, rest, ok := rtnl.Next(b)
		if !ok {
			return
		}
		b = rest
		d.message(nsid, m)
	}
}

// message makes an event of a message. Of other namespaces, rules and
// neighbours are passed over, and of routes it is told that there was a change. What cannot be parsed is, too: the kernel
// does not send it.
func (d *decoder) message(nsid int, m rtnl.Message) {
	e := Event{NSID: nsid}
	var err error
	switch m.Type {
	case unix.RTM_NEWLINK, unix.RTM_DELLINK:
		e.Kind, e.Deleted = EventLink, m.Type == unix.RTM_DELLINK
		e.Link, err = boxed(rtnl.ParseLink(m.Data))
	case unix.RTM_NEWADDR, unix.RTM_DELADDR:
		e.Kind, e.Deleted = EventAddr, m.Type == unix.RTM_DELADDR
		e.Addr, err = boxed(rtnl.ParseAddr(m.Data))
	case unix.RTM_NEWMULTICAST, unix.RTM_DELMULTICAST:
		e.Kind, e.Deleted = EventGroup, m.Type == unix.RTM_DELMULTICAST
		e.Group, err = boxed(rtnl.ParseGroup(m.Data))
	default:
		switch {
		case nsid == noNSID:
			d.ownMessage(m)
		case m.Type == unix.RTM_NEWROUTE || m.Type == unix.RTM_DELROUTE:
			d.foreignRoute(nsid)
		}
		return
	}
	if err == nil {
		d.events = append(d.events, e)
	}
}

// boxed moves a parser's value to the heap.
func boxed[T any](v T, err error) (*T, error) { return &v, err }

// ownMessage takes the kinds that only the own namespace's matter of.
func (d *decoder) ownMessage(m rtnl.Message) {
	switch m.Type {
	case unix.RTM_NEWROUTE, unix.RTM_DELROUTE:
		d.routeMessage(m)
	case unix.RTM_NEWRULE, unix.RTM_DELRULE:
		d.once(EventRule, &d.rule)
	case unix.RTM_NEWNEXTHOP, unix.RTM_DELNEXTHOP:
		d.once(EventNextHop, &d.nextHop)
	case unix.RTM_NEWNEIGH, unix.RTM_DELNEIGH:
		if n, err := rtnl.ParseNeigh(m.Data); err == nil {
			d.events = append(d.events, Event{
				Kind: EventNeigh, NSID: noNSID, Deleted: m.Type == unix.RTM_DELNEIGH, Neigh: &n,
			})
		}
	case unix.RTM_NEWNSID, unix.RTM_DELNSID:
		d.nsidsChanged = true
		if id, err := rtnl.ParseNSID(m.Data); err == nil {
			d.events = append(d.events, Event{Kind: EventNSID, NSID: id, Deleted: m.Type == unix.RTM_DELNSID})
		}
	}
}

// routeMessage tells of one route, or that routes have changed where the
// message does not say it all: the kernel tells an IPv6 multipath route whole
// when a hop is added, and by the hop when one is removed.
func (d *decoder) routeMessage(m rtnl.Message) {
	var p rtnl.RouteParser
	r, err := p.Parse(m.Data)
	switch {
	case errors.Is(err, rtnl.ErrOther):
		return
	case err != nil, r.NHID != 0, r.Dst.Addr().Is6() && (len(r.NextHops) > 1 || m.Flags&unix.NLM_F_APPEND != 0):
		d.once(EventRoute, &d.route)
		return
	}
	d.events = append(d.events, Event{
		Kind: EventRoute, NSID: noNSID, Deleted: m.Type == unix.RTM_DELROUTE, Route: &r, Replace: m.Flags&unix.NLM_F_REPLACE != 0,
	})
}

// foreignRoute tells, once in a batch, that routes of another namespace changed.
func (d *decoder) foreignRoute(nsid int) {
	if d.foreign[nsid] {
		return
	}
	if d.foreign == nil {
		d.foreign = make(map[int]bool)
	}
	d.foreign[nsid] = true
	d.events = append(d.events, Event{Kind: EventRoute, NSID: nsid})
}

// once adds an event that says no more than that something changed.
func (d *decoder) once(kind EventKind, seen *bool) {
	if !*seen {
		*seen = true
		d.events = append(d.events, Event{Kind: kind, NSID: noNSID})
	}
}
