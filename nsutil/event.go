package nsutil

import "github.com/ipvl/ipvl/nsutil/rtnl"

// EventKind says which field of an Event counts.
type EventKind uint8

const (
	// EventOverrun: events were lost (ENOBUFS). Read everything again.
	EventOverrun EventKind = iota + 1
	// EventLink: Event.Link was created, changed or (Deleted) went away.
	// Where it moved to another namespace, Link.NewNSID is not -1.
	EventLink
	// EventAddr: Event.Addr was added, changed or (Deleted) removed.
	EventAddr
	// EventGroup: Event.Group was joined or (Deleted) left. Needs Linux 6.14;
	// see Watcher.HasGroups.
	EventGroup
	// EventNSID: the namespace Event.NSID got that id or (Deleted) went away.
	EventNSID
	// EventRoute: Event.Route of the own namespace was added, changed or
	// (Deleted) removed. Where Route is nil something changed that one entry
	// does not tell (a nexthop object, an IPv6 multipath route): read the
	// routes again; at most one such event comes in a batch. So it is for other
	// namespaces: what changed there is not told, and once in a batch.
	EventRoute
	// EventRule and EventNextHop say that something of the kind changed in
	// the own namespace; at most one of each comes in a batch.
	EventRule
	EventNextHop
	// EventNeigh: Event.Neigh of the own namespace was added, changed or
	// (Deleted) removed.
	EventNeigh
)

// Event is one change. The pointers are the receiver's to keep.
type Event struct {
	Kind    EventKind
	Deleted bool
	// NSID is the namespace that it happened in, as the own one numbers it;
	// -1 is the own.
	NSID  int
	Link  *rtnl.Link
	Addr  *rtnl.Addr
	Group *rtnl.Group
	Neigh *rtnl.Neigh
	Route *rtnl.Route
	// Replace says that Route took the place of the first one with its table,
	// prefixes, TOS and metric (NLM_F_REPLACE).
	Replace bool
}

// String names the kind.
func (k EventKind) String() string {
	names := [...]string{"", "overrun", "link", "addr", "group", "nsid", "route", "rule", "nexthop", "neigh"}
	if k == 0 || int(k) >= len(names) {
		return "unknown"
	}
	return names[k]
}
