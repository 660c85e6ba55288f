package link

import "sync/atomic"

// Reason says why a frame was dropped, or could not be understood. The names
// (String) are stable: they are what counters are shown under.
type Reason uint8

const (
	reasonNone Reason = iota

	// ReasonShort is a frame without a whole Ethernet header.
	ReasonShort
	// ReasonVNetHeader is a virtio-net header that contradicts its frame.
	ReasonVNetHeader
	// ReasonTruncated is an L3 header that the frame does not hold whole.
	ReasonTruncated
	// ReasonIPVersion is a version nibble that contradicts the ethertype.
	ReasonIPVersion
	// ReasonIPHeaderLen is an IPv4 header length below 20 bytes.
	ReasonIPHeaderLen
	// ReasonIPTotalLen is an IPv4 total length beyond the frame or inside its header.
	ReasonIPTotalLen
	// ReasonVLAN is a tag whose VLAN nobody here belongs to.
	ReasonVLAN

	// ReasonPrivate is unicast between devices under the private flag.
	ReasonPrivate
	// ReasonMulticast is group traffic that a device sent in L3.
	ReasonMulticast
	// ReasonEtherType is a non-IP frame that a device sent in L3.
	ReasonEtherType
	// ReasonPause is a PAUSE frame, which never leaves its link.
	ReasonPause
	// ReasonMTU is a frame too large for where it goes.
	ReasonMTU
	// ReasonNoHost is a frame for the master's host where none is attached.
	ReasonNoHost
	// ReasonNoRouter is a frame of an L3 device on a master without a Router.
	ReasonNoRouter
	// ReasonRoute is a packet that the Router has no way for.
	ReasonRoute
	// ReasonNeighbour is a packet whose next hop did not answer, or that found
	// the queue of those who wait full.
	ReasonNeighbour
	// ReasonQueueFull is a group frame that found the master's queue full.
	ReasonQueueFull
	// ReasonChecksum is a wrong checksum on the way into a netstack.
	ReasonChecksum
	// ReasonOtherHost is a frame to a foreign MAC address, or DAD and ARP that
	// a NOARP device must not act upon, on the way into a netstack.
	ReasonOtherHost
	// ReasonNotAttached is a frame for a device without a stack or a port.
	ReasonNotAttached
	// ReasonDown is a frame of or for a device or master that is down.
	ReasonDown
	// ReasonFilter is a frame that the hooks of mode l3s dropped.
	ReasonFilter
	// ReasonGuard is a frame of a guarded device that is not its own.
	ReasonGuard
	// ReasonIsolated is a frame between two devices of which one is isolated.
	ReasonIsolated
	// ReasonNoDevice is a frame of the host for an address of no device that
	// may hear it.
	ReasonNoDevice
	// ReasonWrite is a frame that a port or lower endpoint refused.
	ReasonWrite

	numReasons
)

// String is the name that the reason is counted under.
func (r Reason) String() string {
	names := [numReasons]string{
		"none", "short", "vnet-header", "truncated", "ip-version", "ip-header-length", "ip-total-length", "vlan",
		"private", "multicast", "ethertype", "pause", "mtu", "no-host", "no-router", "route", "neighbour",
		"queue-full", "checksum", "other-host", "not-attached", "down",
		"filter", "guard", "isolated", "no-device", "write",
	}
	if r < numReasons {
		return names[r]
	}
	return "unknown"
}

// drops counts by reason.
type drops [numReasons]atomic.Uint64

func (d *drops) add(r Reason) { d[r].Add(1) }

func (d *drops) snapshot() map[string]uint64 {
	m := make(map[string]uint64)
	for r := range d {
		if n := d[r].Load(); n != 0 {
			m[Reason(r).String()] = n
		}
	}
	return m
}

// Stats counts the frames of a device or of a master. Bytes are Ethernet
// frames without FCS and virtio-net header; a frame of many segments is one.
type Stats struct {
	RxPackets, RxBytes, Multicast uint64
	TxPackets, TxBytes            uint64
	// Drops counts by Reason.String; reasons that never happened are left out.
	Drops map[string]uint64
}

type counters struct {
	rxPackets, rxBytes, multicast atomic.Uint64
	txPackets, txBytes            atomic.Uint64
	drops                         drops
}

func (c *counters) rx(size int) {
	c.rxPackets.Add(1)
	c.rxBytes.Add(uint64(size))
}

func (c *counters) tx(size int) {
	c.txPackets.Add(1)
	c.txBytes.Add(uint64(size))
}

func (c *counters) snapshot() Stats {
	return Stats{
		RxPackets: c.rxPackets.Load(), RxBytes: c.rxBytes.Load(), Multicast: c.multicast.Load(),
		TxPackets: c.txPackets.Load(), TxBytes: c.txBytes.Load(), Drops: c.drops.snapshot(),
	}
}
