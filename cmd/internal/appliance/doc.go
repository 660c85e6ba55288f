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
// that is moved to another namespace takes its devices down. Mode l3s is refused.
package appliance
