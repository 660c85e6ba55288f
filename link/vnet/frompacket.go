package vnet

import (
	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

const (
	// headMax is how much of a packet's start FromPacket looks at, and copies if
	// it has to write to it. All headers that a netstack builds fit.
	headMax = 256
	// maxPieces bounds the vector: the kernel takes 1024 (UIO_MAXIOV), and past
	// some dozens of small pieces copying them together is cheaper anyway.
	maxPieces = 64
)

// Vec holds what FromPacket needs to build a frame in pieces: private copies
// of headers, and the vector. The zero value works. It belongs to one
// goroutine at a time.
type Vec struct {
	head   []byte   // virtio-net header and private start of the packet
	tail   []byte   // the end of a packet of very many views, or all of an odd one
	pieces [][]byte // what FromPacket returns
}

// FromPacket returns pkt as a frame in pieces for writev, without copying the
// payload: the first piece starts with the virtio-net header, built from
// pkt.GSOOptions, the rest are the packet's views, link header included, which
// must be there. A packet of at most 256 bytes is copied into the first piece.
// The pieces are valid until v is used again or the packet is released; who
// gets them must not write to any but the first.
//
// Set txCsumOffloaded for packets written by a netstack whose NIC has
// CapabilityTXChecksumOffload. It leaves the checksum field of TCP and UDP 0
// unless GSOOptions say otherwise (a partial checksum is then there, as with HostGSO);
// the frame becomes one with FlagNeedsCsum and the sum of the pseudo-header,
// written to a private copy. Checksums of ICMP, ICMPv6 and IPv4 headers are
// always complete in gVisor. An IP fragment is left as it is, since its
// checksum spans all of its siblings: UDP over IPv6 that had to be fragmented
// is lost with this capability.
//
// Fits(pieces[0], …) tells whether a far side takes the frame in this form;
// else use PacketToBytes and Fit. No allocation once v has grown.
func FromPacket(pkt *stack.PacketBuffer, v *Vec, txCsumOffloaded bool) [][]byte {
	if v.head == nil {
		v.head = make([]byte, HeaderLen+headMax)
		v.pieces = make([][]byte, 0, maxPieces)
	}
	size := pkt.Size()
	list, off := pkt.AsViewList()
	n := copyViews(v.head[HeaderLen:HeaderLen+headMax], list, off)
	h, private, r := packetHeader(pkt, v.head[HeaderLen:HeaderLen+n], size, txCsumOffloaded)
	if r == ErrTruncated && n < size {
		// Headers longer than headMax: rare enough to flatten the packet.
		v.tail = PacketToBytes(pkt, v.tail, txCsumOffloaded)
		v.pieces = append(v.pieces[:0], v.tail)
		return v.pieces
	}
	h.Encode(v.head)
	if n == size {
		private = n // one piece is cheaper than two, and it is copied already
	}
	v.pieces = append(v.pieces[:0], v.head[:HeaderLen+private])
	v.appendViews(list, off+private)
	return v.pieces
}

// PacketToBytes is FromPacket into one slice, in the byte form: it uses dst's
// capacity and allocates only if that is too small. HeaderLen+pkt.Size() bytes
// are enough. The result may be changed, so that Fit works on it.
func PacketToBytes(pkt *stack.PacketBuffer, dst []byte, txCsumOffloaded bool) []byte {
	size := pkt.Size()
	if cap(dst) < HeaderLen+size {
		dst = make([]byte, HeaderLen+size)
	}
	dst = dst[:HeaderLen+size]
	list, off := pkt.AsViewList()
	copyViews(dst[HeaderLen:], list, off)
	h, _, _ := packetHeader(pkt, dst[HeaderLen:], size, txCsumOffloaded)
	h.Encode(dst)
	return dst
}

// copyViews copies what follows the first off bytes of list to dst, as much as
// fits, and returns how much. It reads the views without the reference counting
// of SubApply and the copy-on-write of PullUp.
func copyViews(dst []byte, list buffer.ViewList, off int) int {
	n := 0
	for v := list.Front(); v != nil && n < len(dst); v = v.Next() {
		b := v.AsSlice()
		if off >= len(b) {
			off -= len(b)
			continue
		}
		n += copy(dst[n:], b[off:])
		off = 0
	}
	return n
}

// appendViews appends what follows the first off bytes of list to the pieces.
func (v *Vec) appendViews(list buffer.ViewList, off int) {
	for w := list.Front(); w != nil; w = w.Next() {
		b := w.AsSlice()
		if off >= len(b) {
			off -= len(b)
			continue
		}
		if len(v.pieces) == maxPieces-1 && w.Next() != nil {
			v.tail = v.tail[:0]
			for ; w != nil; w = w.Next() {
				v.tail = append(v.tail, w.AsSlice()...) // off is 0: pieces precede
			}
			v.pieces = append(v.pieces, v.tail)
			return
		}
		v.pieces = append(v.pieces, b[off:])
		off = 0
	}
}

// packetHeader returns the virtio-net header for a packet of size bytes that
// starts with head, and how much of head it changed (0 or up to the end of the
// checksum field). With a Reason the frame was not understood, and nothing can
// be said beyond what the packet's metadata say: ErrTruncated may be cured by a
// longer head.
func packetHeader(pkt *stack.PacketBuffer, head []byte, size int, txCsumOffloaded bool) (h Header, private int, r Reason) {
	g := &pkt.GSOOptions
	segmented := Segmented(g)
	if !g.NeedsCsum && pkt.RXChecksumValidated {
		h.Flags = FlagDataValid
	}
	if !g.NeedsCsum && !segmented {
		if txCsumOffloaded && h.Flags == 0 {
			private, r = h.fillPartial(head, size)
		}
		return h, private, r
	}
	if g.NeedsCsum {
		h.Flags = FlagNeedsCsum
		h.CsumStart, h.CsumOffset = ethLen+g.L3HdrLen, g.CsumOffset
	}
	if segmented {
		r = h.setGSO(g, head, size)
	}
	return h, 0, r
}

// Segmented reports whether g describes a segmentation, in any of the forms that the package's
// documentation lists. GSOGvisor is none: gVisor has done it by the time a packet is written.
func Segmented(g *stack.GSO) bool {
	switch g.Type {
	case stack.GSOTCPv4, stack.GSOTCPv6:
		return g.MSS != 0 && g.MSS != checksumOnly
	case stack.GSONone:
		return g.MSS != 0 && g.CsumOffset == udpCsumOffset // see the package's documentation
	}
	return false
}

// fillPartial gives the TCP or UDP packet a partial checksum and returns the
// end of its field.
func (h *Header) fillPartial(head []byte, size int) (int, Reason) {
	l, r := parse(head, size)
	if r != 0 || l.routed {
		return 0, r
	}
	n, csum, r := l.transport(head)
	if r != 0 || n == 0 {
		return 0, r
	}
	h.addPartial(head, l, csum)
	return l.l4 + csum + 2, 0
}

// setGSO fills in the segmentation. What the frame says about its headers
// prevails over g.L3HdrLen, in which gVisor's TCP does not count IP options
// and extension headers.
func (h *Header) setGSO(g *stack.GSO, head []byte, size int) Reason {
	l, r := parse(head, size)
	if r != 0 {
		return r
	}
	n, csum, r := l.transport(head)
	if r != 0 || n == 0 {
		return r
	}
	if h.Flags&FlagNeedsCsum != 0 {
		h.CsumStart, h.CsumOffset = uint16(l.l4), uint16(csum)
	}
	if l.end-l.l4-n <= int(g.MSS) {
		return 0 // not larger than a segment: only a checksum is open
	}
	switch {
	case g.Type == stack.GSONone && l.proto == protoUDP:
		h.GSOType = GSOUDPL4
	case l.proto != protoTCP || (g.Type != stack.GSOTCPv4 && g.Type != stack.GSOTCPv6):
		return 0
	case l.version == 4:
		h.GSOType = GSOTCPv4
	default:
		h.GSOType = GSOTCPv6
	}
	if l.proto == protoTCP && head[l.l4+13]&tcpCWR != 0 {
		h.GSOType |= GSOECN // Linux sets it with CWR and only then (tcp_gro_complete)
	}
	h.GSOSize, h.HdrLen = g.MSS, uint16(l.l4+n)
	return 0
}
