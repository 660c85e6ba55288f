package tap

import (
	"github.com/ipvl/ipvl/link/internal/fdio"
	"github.com/ipvl/ipvl/link/vnet"
)

// Buffers lend ports the bytes that they read to, while there is something to
// read. Any number of ports, also those of link/packet, may share one value.
type Buffers = fdio.Buffers

// Rings are io_urings that ports under load borrow, also those of link/packet. Make them
// with NewRings; nil is none.
type Rings = fdio.Rings

// NewRings fails where the kernel does not permit io_uring, as in many containers,
// and says what it refused; ports then use plain system calls. The error is an *Error.
func NewRings() (*Rings, error) {
	r, err := fdio.NewRings()
	if err != nil {
		return nil, &Error{Op: "probe io_uring", Err: err}
	}
	return r, nil
}

// Options says how to use a TAP. The zero value asks for all offloads.
type Options struct {
	// Without are offloads that are not asked for: the interface finishes that
	// work itself before a frame is read. Without vnet.FeatureCsum there are none.
	Without vnet.Features
	// Rings read and write many small frames by one system call, under load. Nil does
	// without.
	Rings *Rings
	// Buffers are read to; nil keeps some 200 KiB for this port alone.
	Buffers *Buffers
}

// Stats counts frames since New. Bytes are of Ethernet, without the
// virtio-net header.
type Stats struct {
	RxFrames    uint64 // read, handed to Serve's caller
	RxBytes     uint64
	RxMalformed uint64 // shorter than a virtio-net header or longer than 64 KiB, dropped
	TxFrames    uint64 // taken by the kernel
	TxBytes     uint64
	TxDown      uint64 // lost: ErrDown
	TxErrors    uint64 // lost for any other reason
}
