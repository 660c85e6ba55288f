// Package appliance is the daemon behind "ipvl serve": it turns commands and
// what the kernel tells into the state of the data path.
//
// # Data flow
//
//	commands (api.Backend) ─┐
//	                        ├─► masters, devices ──► link.Master, link.Device
//	netlink events ─────────┘         │              packet filter, host guard
//	       └─► routeFeed ─► stack.Mirror ─► stack.Router
//
// State flows one way. A master is made by its first device and ends with its
// last, as the kernel's port does. The data path gets descriptors and values:
// it learns of no namespace, path or netlink message. Addresses are not set
// here: the workload sets them on its interface, and events (nsutil.Watcher)
// bring them to the address table, the packet filter of the uplink and the
// guard that keeps the host's stack from answering in the device's place.
//
// # What is beyond the kernel's driver
//
// The options of a device (options.go) are flags of its link.Device, but for
// announce and allow, which are carried out where addresses come. "host on"
// gives the master a host link (hostlink.go): an interface of the default
// namespace with a route to each address of such devices, whose other end is
// link.Master.FromHost and SetHostLink. A master in l3s, or in l3 while there are rules, has a hooks.Engine
// with the appliance's rules (netfilter.go, rules.go); what those translate of
// the host's own traffic is taken from the host by the guard and let in by the
// uplink's filter.
//
// # State
//
// What commands set, and what workloads set on their interfaces, is written to
// a file soon after it changed and at the end (state.go, statefile.go), and
// made again at the start (restore.go): devices with id, addresses, routes and
// options, where their master and their namespace are still there. A namespace
// is known again by its cookie, which the kernel does not use twice.
//
// # Ownership and goroutines
//
// One goroutine handles events, one keeps the mirror in step (a route that changes is one
// change; links, addresses and rules are read again as a whole), one serves
// each uplink and each device: it reads frames and carries each to its end. A
// reader that ends reports to the event goroutine, which ends the device.
//
// # Locks
//
// Appliance.mu plays the part of the kernel's rtnl lock: each command and each
// batch of events holds it as a whole, so that a command sees and leaves a
// whole state. The data path never takes it.
//
// # Failure
//
// A command checks all that it can before it changes anything, and undoes what
// it did if a later step fails. A device whose interface or namespace is gone
// is taken down alone. When events were lost everything is read again. What a
// killed run left is removed at the next start.
//
// # Limits
//
// Masters are interfaces of the namespace that the appliance runs in. A master
// that is moved to another namespace takes its devices down. What workloads set
// in the last moment before a kill is not remembered.
package appliance
