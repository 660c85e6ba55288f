package rawip

import "net/netip"

// Options says how to open a port. The zero value is a port that refuses all.
type Options struct {
	// Local reports whether an address is one of the host's that devices may
	// reach; nil: none is. It is called for the destination of each
	// packet, and for its source, which must not be one. It is called from
	// many goroutines at once, must be quick and not allocate. Addresses have no
	// zone.
	Local func(netip.Addr) bool
	// Index is the master's interface in the namespace of the port. It is the scope of
	// link-local IPv6 destinations, which are refused without; nothing else
	// depends on it.
	Index int
}

// Stats counts frames since Open. Bytes are of Ethernet, without the
// virtio-net header.
type Stats struct {
	TxFrames   uint64 // taken by the kernel
	TxBytes    uint64
	TxNotLocal uint64 // lost: ErrNotLocal
	TxFull     uint64 // lost: ErrFull
	TxErrors   uint64 // lost for any other reason
}
