package packet

import "github.com/ipvl/ipvl/link/internal/fdio"

// Buffers lend ports the bytes that they read to, while there is something to
// read. Any number of ports, also those of link/tap, may share one value.
type Buffers = fdio.Buffers

// Rings are io_urings that ports under load borrow: those of link/tap.
type Rings = fdio.Rings

// Options says how to open a port. Only Index is required.
type Options struct {
	// Index is the interface's, in the network namespace of the calling thread.
	Index int
	// Promisc makes the interface take unicast frames for any MAC address.
	Promisc bool
	// AllMulti makes the interface take frames for any group, not just those
	// that the host joined. Devices that answer IPv6 neighbour solicitations need it.
	AllMulti bool
	// RcvBuf and SndBuf are the socket's buffers in bytes as the kernel accounts
	// them, at most what net.core.rmem_max and wmem_max allow where the process
	// lacks CAP_NET_ADMIN in the initial user namespace. 0 is DefaultBuf.
	RcvBuf, SndBuf int
	// Filter is in force before the first frame is received.
	Filter Filter
	// Buffers are read to; nil keeps some 200 KiB for this port alone.
	Buffers *Buffers
	// Rings write many small frames by one system call, under load. Nil, and a kernel
	// before 6.5, is sendmmsg(2).
	Rings *Rings
}

// DefaultBuf is the socket buffer in bytes: room for some 40 frames of 64 KiB.
const DefaultBuf = 4 << 20

// Stats counts frames since Open. Bytes are of Ethernet, without the
// virtio-net header.
type Stats struct {
	RxFrames    uint64 // handed to Serve's caller
	RxBytes     uint64
	RxTruncated uint64 // longer than 64 KiB, dropped
	RxRefused   uint64 // coalesced in a way that the virtio-net header cannot express, dropped by the kernel
	RxDropped   uint64 // dropped by the kernel because the socket's queue was full
	TxFrames    uint64 // taken by the kernel
	TxBytes     uint64
	TxFull      uint64 // lost: ErrFull
	TxErrors    uint64 // lost for any other reason
}
