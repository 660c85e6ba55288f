package vnet

import (
	"encoding/binary"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

const (
	// headView is the size of the first view of a large packet. Headers fit in
	// it in all but odd cases. It is small because a netstack reads headers of
	// clones, and gVisor then copies the chunk that holds them whole.
	headView = 128
	// oneView is the largest frame that is kept in one view: a second one
	// costs more than it saves below that.
	oneView = 512

	// checksumOnly is the MSS of a packet with a partial checksum and nothing
	// to segment: see the package's documentation.
	checksumOnly = 0xffff
)

// PacketOptions alters ToPacket. The zero value is for a netstack whose NIC
// has CapabilityRXChecksumOffload.
type PacketOptions struct {
	// CompleteCsum completes a partial checksum, for a netstack that verifies
	// what it receives. It is done in place, in the frame, before the copy.
	CompleteCsum bool
}

// ToPacket copies a frame that Validate accepted into a PacketBuffer with one
// reference, the caller's. The link header (14 bytes, VLAN tags not included)
// is consumed, so that a tagged frame has the tag's protocol number and
// no netstack mistakes it for an untagged one. RXChecksumValidated is set if the
// header vouches for the checksum, and GSOOptions hold the header's
// metadata, in the forms that the package's documentation lists, for FromPacket.
//
// A netstack must not get a USO frame: call Fit with FeaturesNetstack first, and
// this on each frame that it emits.
//
// The error is ErrTruncated for a frame without an Ethernet header or, with
// CompleteCsum, what Validate would say.
func ToPacket(frame []byte, o PacketOptions) (*stack.PacketBuffer, error) {
	if len(frame) < HeaderLen+ethLen {
		return nil, ErrTruncated
	}
	var h Header
	if err := h.Decode(frame); err != nil {
		return nil, err
	}
	eth := frame[HeaderLen:]
	vouched := h.Flags&(FlagNeedsCsum|FlagDataValid) != 0
	if o.CompleteCsum && h.Flags&FlagNeedsCsum != 0 {
		if r := h.completeWhole(frame); r != 0 {
			return nil, r
		}
	}
	pkt := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: views(eth)})
	pkt.LinkHeader().Consume(ethLen) // cannot fail: the length was checked
	pkt.NetworkProtocolNumber = tcpip.NetworkProtocolNumber(binary.BigEndian.Uint16(eth[12:]))
	pkt.RXChecksumValidated = vouched
	pkt.GSOOptions = h.gso(pkt.NetworkProtocolNumber)
	return pkt, nil
}

// views copies eth into as many views as netstack is best served with.
func views(eth []byte) buffer.Buffer {
	if len(eth) <= oneView {
		return buffer.MakeWithView(buffer.NewViewWithData(eth))
	}
	b := buffer.MakeWithView(buffer.NewViewWithData(eth[:headView]))
	for rest := eth[headView:]; len(rest) > 0; {
		// A larger view would come from the heap, not from gVisor's pools.
		n := min(len(rest), buffer.MaxChunkSize)
		v := buffer.MakeWithView(buffer.NewViewWithData(rest[:n]))
		b.Merge(&v)
		rest = rest[n:]
	}
	return b
}

// completeWhole completes the checksum over the frame as it is, a large one
// included. Its segmentation stays in the header, without a partial checksum.
// One with a routing header under way is left alone: it could not be segmented
// any more, and a netstack that is not its destination does not verify it.
func (h *Header) completeWhole(frame []byte) Reason {
	l, r := h.check(frame[HeaderLen:])
	if r != 0 {
		return r
	}
	if l.routed && h.GSOType != GSONone {
		return 0
	}
	complete(frame[HeaderLen:], int(h.CsumStart), int(h.CsumOffset), l.end)
	h.Flags = h.Flags&^FlagNeedsCsum | FlagDataValid
	h.CsumStart, h.CsumOffset = 0, 0
	h.Encode(frame)
	return 0
}

// gso returns the metadata in gVisor's form.
func (h *Header) gso(proto tcpip.NetworkProtocolNumber) stack.GSO {
	var g stack.GSO
	if h.Flags&FlagNeedsCsum != 0 {
		g.NeedsCsum = true
		g.CsumOffset = h.CsumOffset
		g.L3HdrLen = h.CsumStart - ethLen
	}
	switch h.GSOType & gsoTypeIs {
	case GSOTCPv4:
		g.Type, g.MSS = stack.GSOTCPv4, h.GSOSize
	case GSOTCPv6:
		g.Type, g.MSS = stack.GSOTCPv6, h.GSOSize
	case GSOUDPL4:
		g.CsumOffset, g.MSS = udpCsumOffset, h.GSOSize
	case GSONone:
		if !g.NeedsCsum {
			break
		}
		g.Type, g.MSS = stack.GSOTCPv4, checksumOnly
		if proto == etherIPv6 {
			g.Type = stack.GSOTCPv6
		}
	}
	return g
}
