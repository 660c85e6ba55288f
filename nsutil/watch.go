package nsutil

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/ipvl/ipvl/nsutil/rtnl"
)

// WatcherOptions tunes a Watcher.
type WatcherOptions struct {
	// ReceiveBuffer is in bytes; 0 is 8 MiB. Without the privilege
	// (CAP_NET_ADMIN in the initial user namespace) the kernel's limit applies.
	ReceiveBuffer int
}

const (
	defaultReceiveBuffer = 8 << 20
	// datagramSize is above the largest notification, an interface with all
	// of its attributes.
	datagramSize = 64 << 10
	// batchSize bounds what is collected before it is delivered.
	batchSize = 1024
)

// Watcher hears the changes in the namespace it was made in and in every
// namespace that this one has an id for.
type Watcher struct {
	file      *os.File
	own       ownNSID
	hasGroups bool
	events    chan []Event
	closing   chan struct{}
	done      chan struct{}
	once      sync.Once
	err       error // written before done is closed
}

// NewWatcher listens in the namespace of the calling thread. EPERM: the
// caller lacks CAP_NET_BROADCAST there.
func NewWatcher(o WatcherOptions) (*Watcher, error) {
	w := &Watcher{
		events:  make(chan []Event),
		closing: make(chan struct{}),
		done:    make(chan struct{}),
	}
	if err := w.own.open(); err != nil {
		return nil, wrap("watch", "", err)
	}
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err == nil {
		w.file = os.NewFile(uintptr(fd), "rtnetlink")
		err = w.subscribe(fd, o)
	}
	if err != nil {
		w.own.close()
		if w.file != nil {
			w.file.Close()
		}
		return nil, wrap("watch", "", err)
	}
	go w.run()
	return w, nil
}

// subscribe sets the socket up and joins the groups.
func (w *Watcher) subscribe(fd int, o WatcherOptions) error {
	size := o.ReceiveBuffer
	if size == 0 {
		size = defaultReceiveBuffer
	}
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, size) != nil {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, size); err != nil {
			return fmt.Errorf("set the receive buffer: %w", err)
		}
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_LISTEN_ALL_NSID, 1); err != nil {
		return fmt.Errorf("listen to all namespaces: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	for _, group := range []int{
		unix.RTNLGRP_LINK, unix.RTNLGRP_NSID, unix.RTNLGRP_NEIGH,
		unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV6_IFADDR,
		unix.RTNLGRP_IPV4_ROUTE, unix.RTNLGRP_IPV6_ROUTE,
		unix.RTNLGRP_IPV4_RULE, unix.RTNLGRP_IPV6_RULE,
	} {
		if err := unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, group); err != nil {
			return fmt.Errorf("join rtnetlink group %d: %w", group, err)
		}
	}
	// These came later: nexthop objects with Linux 5.3, the others with 6.14.
	_ = unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, unix.RTNLGRP_NEXTHOP)
	w.hasGroups = true
	for _, group := range []int{unix.RTNLGRP_IPV4_MCADDR, unix.RTNLGRP_IPV6_MCADDR} {
		if unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, group) != nil {
			w.hasGroups = false
		}
	}
	return nil
}

// Events delivers batches, in order, until Close or an error closes the
// channel. A receiver that lags costs an EventOverrun in the end, never memory.
func (w *Watcher) Events() <-chan []Event { return w.events }

// HasGroups tells whether EventGroup is delivered: the kernel is Linux 6.14
// or newer. Without it, read Groups now and then.
func (w *Watcher) HasGroups() bool { return w.hasGroups }

// Err waits for the end and tells why the channel was closed; nil after Close.
func (w *Watcher) Err() error {
	<-w.done
	return wrap("watch", "", w.err)
}

// Close ends the Watcher and waits for its goroutine. Idempotent.
func (w *Watcher) Close() error {
	var err error
	w.once.Do(func() {
		close(w.closing)
		err = w.file.Close()
	})
	<-w.done
	return wrap("close the watcher", "", err)
}

// run reads until Close or an error. One goroutine does all.
func (w *Watcher) run() {
	defer close(w.done)
	defer close(w.events)
	defer w.own.close()
	raw, err := w.file.SyscallConn()
	if err != nil {
		w.err = err
		return
	}
	r := reader{own: &w.own, buf: make([]byte, datagramSize)}
	for {
		err := raw.Read(r.drain)
		if batch := r.take(); len(batch) > 0 {
			select {
			case w.events <- batch:
			case <-w.closing:
				return
			}
		}
		select {
		case <-w.closing:
			return
		default:
		}
		if err = errors.Join(err, r.err); err != nil {
			w.err = err
			return
		}
	}
}

// ownNSID knows the id, if any, that the watched namespace has for itself. Its
// own events come with that id then, or, from the kernels of 2026 on
// (do_one_broadcast), with none.
type ownNSID struct {
	conn *rtnl.Conn
	ns   *os.File
	id   int
}

// open looks at the namespace of the calling thread.
func (o *ownNSID) open() (err error) {
	if o.conn, err = rtnl.Dial(); err != nil {
		return err
	}
	if o.ns, err = openNS(ownNS); err != nil {
		o.conn.Close()
		return err
	}
	o.refresh()
	return nil
}

// refresh asks again.
func (o *ownNSID) refresh() {
	o.id = -1
	if id, err := o.conn.NSID(int(o.ns.Fd())); err == nil {
		o.id = id
	}
}

// of translates the id of an event.
func (o *ownNSID) of(id int) int {
	if id == o.id {
		return -1
	}
	return id
}

func (o *ownNSID) close() {
	o.conn.Close()
	o.ns.Close()
}
