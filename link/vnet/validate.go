package vnet

import "encoding/binary"

// Validate decodes the header of a frame in byte form and checks that it is
// consistent with the frame: the checksum field lies behind the IP header and
// inside the packet, the segmentation is known and matches the protocols, all
// headers are inside. It looks through up to two VLAN tags. Open work on an
// ill-formed IP packet is refused; a frame without open work only needs an
// Ethernet header. An error is a Reason. The cost of a frame without open work
// is a few loads.
//
// A segmentation without FlagNeedsCsum is accepted, although Virtio 1.2 section
// 5.1.6 demands the flag, because Linux gives such frames (large receive offload
// of a NIC on a packet socket) and takes them (virtio_net_hdr_to_skb). Fit adds
// the flag.
func Validate(frame []byte) (Header, error) {
	var h Header
	if len(frame) < HeaderLen+ethLen {
		return h, ErrTruncated
	}
	if frame[0]&FlagNeedsCsum|frame[1] == 0 {
		h.Flags = frame[0]
		h.decodeRest(frame)
		return h, nil
	}
	h.Flags, h.GSOType = frame[0], frame[1]
	h.decodeRest(frame)
	_, r := h.check(frame[HeaderLen:])
	return h, r.err()
}

// decodeRest reads what follows the first two bytes.
func (h *Header) decodeRest(b []byte) {
	_ = b[HeaderLen-1]
	h.HdrLen = binary.NativeEndian.Uint16(b[2:])
	h.GSOSize = binary.NativeEndian.Uint16(b[4:])
	h.CsumStart = binary.NativeEndian.Uint16(b[6:])
	h.CsumOffset = binary.NativeEndian.Uint16(b[8:])
}

// check is Validate for a frame with open work. The layout is complete if
// there is no error.
func (h *Header) check(eth []byte) (layout, Reason) {
	l, r := parse(eth, len(eth))
	if r != 0 {
		return l, r
	}
	if h.GSOType != GSONone {
		return l, h.checkGSO(l, eth)
	}
	if h.Flags&FlagNeedsCsum == 0 {
		return l, 0
	}
	// The field must not lie in the headers before the transport's, or its
	// completion would rewrite addresses. Behind them anything goes: it
	// may be that of a header inside a tunnel.
	first := l.l3
	switch l.version {
	case 4:
		first = l.l4
	case 6:
		first += ipv6Len
	}
	start := int(h.CsumStart)
	if start < first || start+int(h.CsumOffset)+2 > l.end {
		return l, ErrCsumRange
	}
	return l, 0
}

func (h *Header) checkGSO(l layout, eth []byte) Reason {
	var version, proto uint8
	switch h.GSOType {
	case GSOTCPv4, GSOTCPv4 | GSOECN:
		version, proto = 4, protoTCP
	case GSOTCPv6, GSOTCPv6 | GSOECN:
		version, proto = 6, protoTCP
	case GSOUDPL4:
		version, proto = l.version, protoUDP
	default:
		return ErrGSOType
	}
	if l.version == 0 || l.version != version || l.proto != proto {
		return ErrGSOProto
	}
	if l.frag {
		return ErrFragment
	}
	if h.GSOSize == 0 {
		return ErrGSOSize
	}
	_, csum, r := l.transport(eth)
	if r != 0 {
		return r
	}
	if h.Flags&FlagNeedsCsum == 0 {
		if l.routed {
			// The pseudo-header cannot be told from the frame: see pseudo.
			return ErrGSOCsum
		}
		return 0
	}
	if int(h.CsumStart) != l.l4 || int(h.CsumOffset) != csum {
		return ErrGSOCsum
	}
	return 0
}
