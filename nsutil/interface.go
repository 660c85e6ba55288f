package nsutil

import (
	"net"
	"net/netip"
	"os"
)

// The kinds of interface that a workload can get.
const (
	KindTAP  = "tap"
	KindVeth = "veth"
)

// AddrGenMode is how an interface makes its IPv6 link-local address
// (addrgenmode of ip-link(8)). The zero value is the ipvlan driver's way.
type AddrGenMode uint8

const (
	// AddrGenEUI64 is the ipvlan driver's EUI-64: the master's MAC address
	// with the device's id mixed in. The kernel cannot make it on a TAP or
	// veth, so it is set to none there, and EnsureLinkLocal does it.
	AddrGenEUI64 AddrGenMode = iota
	// AddrGenNone makes none.
	AddrGenNone
	// AddrGenStableSecret and AddrGenRandom are left to the kernel.
	AddrGenStableSecret
	AddrGenRandom
)

// Options says what interface a workload gets.
type Options struct {
	// Name is the interface's name where it ends up.
	Name string
	// Netns is where it ends up; the zero Ref is the namespace of the process.
	Netns Ref
	// MAC is the master's MAC address; nil leaves the kernel's choice.
	MAC net.HardwareAddr
	// MTU is the master's; 0 is 1500.
	MTU int
	// TxQLen is the transmit queue length; 0 is the ipvlan driver's 1000.
	TxQLen int
	// Index is the interface index; 0 is the kernel's choice.
	Index int
	// NoARP is what L3 devices are.
	NoARP bool
	// NumQueues is the number of transmit and receive queues; 0 is one. The
	// data path uses the first; more is what "ip link" shows (row C-19).
	NumQueues int
	// DevID is the device's id, mixed into its IPv6 interface id (row L-12).
	DevID uint16
	// Backend is KindTAP or KindVeth; empty is a TAP, or a veth pair where
	// /dev/net/tun cannot be opened.
	Backend string
}

// Interface is what a workload gets: a network interface, wherever it was
// moved or however it was renamed since. Every method but Kind, Reason, File,
// and PortIndex asks the kernel, and fails with ErrGone once the interface or its
// namespace went. Methods can be called by any goroutine.
type Interface interface {
	// Kind is KindTAP or KindVeth.
	Kind() string
	// Reason is why a veth pair was taken without being asked for: the error
	// of /dev/net/tun. Nil otherwise.
	Reason() error
	// File is the TAP's descriptor: non-blocking, virtio-net header before each
	// frame; nil for a veth. It is closed by Close. Once the interface is gone
	// a read gives EBADFD; Go's poller may come first, with "not pollable".
	File() *os.File
	// PortIndex is the index, in the namespace of the process, of our end of
	// the veth pair, for a packet socket; 0 for a TAP.
	PortIndex() int

	// Name and Index are the interface's in the namespace where it is now.
	Name() (string, error)
	Index() (int, error)
	// Where tells under which namespace id the Watcher reports the interface
	// (-1: the process's own), and its index there. It assigns the id where
	// none was: call it after each event that says the interface moved.
	Where() (nsid, index int, err error)
	// Do runs fn in the namespace where the interface is now.
	Do(fn func() error) error

	// SetMAC does nothing where the address is that already: the kernel would
	// forget all neighbours, those too that the workload has set by hand.
	SetMAC(net.HardwareAddr) error
	SetMTU(int) error
	SetTxQLen(int) error
	SetAlias(string) error
	SetNoARP(bool) error
	// SetCarrier is the cable: false gives NO-CARRIER to the workload.
	SetCarrier(bool) error
	// SetFlags sets and clears IFF_* flags: IFF_PROMISC, IFF_ALLMULTI,
	// IFF_MULTICAST.
	SetFlags(set, clear uint32) error
	// Touch has the kernel tell of the interface (RTM_NEWLINK) if it is up, as it
	// does after any change by rtnetlink.
	Touch() error
	// SetNoQueue has the interface send without a queueing discipline, as the
	// ipvlan driver's do (row C-37), until it is moved.
	SetNoQueue() error
	// SetAddrGenMode remembers the mode and sets what the kernel has to do for it.
	SetAddrGenMode(AddrGenMode) error
	Up() error
	Down() error
	Rename(string) error
	// MoveTo moves the interface to a namespace, as newName ("" keeps the
	// name). It is down afterwards and without addresses, as after "ip link
	// set netns". NOARP and the carrier stay; the id for the Watcher is assigned.
	MoveTo(ns Ref, newName string) error
	// DelAddr takes an address off the interface. One that is not there is no
	// error.
	DelAddr(netip.Prefix) error
	// EnsureLinkLocal gives the interface what the ipvlan driver gives: the
	// link-local address of its MAC address and id, while it is UP, and the
	// same interface id for SLAAC. It takes off the one that the kernel made
	// without the id. Call it whenever the interface comes UP or has been
	// moved; it does what is missing and is silent where IPv6 is disabled.
	EnsureLinkLocal() error

	// Delete takes the interface away. It returns as soon as the interface is in
	// no namespace and its name is free, which is long before Close would: the kernel
	// frees it after a grace period of RCU. Close is to be called all the same.
	Delete() error
	// Close ends the interface: it disappears from its namespace. Idempotent.
	Close() error
}

// Create makes the interface that o asks for.
func Create(o Options) (Interface, error) {
	switch o.Backend {
	case KindVeth:
		return CreateVeth(o)
	case KindTAP:
		return CreateTAP(o)
	}
	t, err := CreateTAP(o)
	if err == nil {
		return t, nil
	}
	if !cannotOpenTun(err) {
		return nil, err
	}
	v, verr := CreateVeth(o)
	if verr != nil {
		return nil, verr
	}
	v.reason = err
	return v, nil
}
