package nsutil

import (
	"errors"

	"github.com/ipvl/ipvl/nsutil/rtnl"
)

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
	// EventRoute, EventRule and EventNextHop say that something of the kind
	// changed in the own namespace; at most one of each comes in a batch.
	EventRoute
	EventRule
	EventNextHop
	// EventNeigh: Event.Neigh of the own namespace changed.
	EventNeigh
)

// Event is one change. The pointers are the receiver's to keep.
type Event struct {
	Kind    EventKind
	Deleted bool
	// NSID is the namespace that it happened in, as the own one numbers it; -1 is the own.
	NSID  int
	Link  *rtnl.Link
	Addr  *rtnl.Addr
	Group *rtnl.Group
	Neigh *rtnl.Neigh
}

// Watcher hears the changes in the namespace it was made in and in every
// namespace that this one has an id for.
type Watcher struct{}

// WatcherOptions tunes a Watcher.
type WatcherOptions struct {
	// ReceiveBuffer is in bytes; 0 is 8 MiB. Without the privilege
	// (CAP_NET_ADMIN in the initial user namespace) the kernel's limit applies.
	ReceiveBuffer int
}

// NewWatcher listens in the namespace of the calling thread.
func NewWatcher(o WatcherOptions) (*Watcher, error) {
	return nil, &Error{Op: "watch", Err: errors.ErrUnsupported}
}

// Events delivers batches, in order, until Close or an error closes the
// channel. A receiver that lags costs an EventOverrun in the end, never memory.
func (w *Watcher) Events() <-chan []Event { return nil }

// HasGroups tells whether EventGroup is delivered: the kernel is Linux 6.14 or newer.
func (w *Watcher) HasGroups() bool { return false }

// Err tells why the channel was closed; nil after Close.
func (w *Watcher) Err() error { return nil }

// Close ends the Watcher and waits for its goroutine. Idempotent.
func (w *Watcher) Close() error { return nil }
