package vnet

import "encoding/binary"

// FeaturesNetstack is what a netstack takes whose NIC has
// CapabilityRXChecksumOffload: all but UDP frames of many datagrams. Where the
// NIC lacks it, ToPacket completes checksums on top (PacketOptions).
const FeaturesNetstack = FeatureCsum | FeatureTSO4 | FeatureTSO6 | FeatureTSOECN

// SegmentMax is the length, in bytes of Ethernet, of the longest frame that comes of one with
// segments; of any other, and of one that Validate refuses, it is its own. It does not trust HdrLen, which is
// a hint: Linux gives what of a frame is not paged there (virtio_net_hdr_from_skb).
func SegmentMax(frame []byte) int {
	var h Header
	whole := len(frame) - HeaderLen
	if h.Decode(frame) != nil || h.GSOType == GSONone {
		return whole
	}
	l, r := h.check(frame[HeaderLen:])
	if r != 0 {
		return whole
	}
	n, _, _ := l.transport(frame[HeaderLen:]) // check has seen that it is right
	return min(l.l4+n+int(h.GSOSize), whole)
}

// Fits reports whether a far side with features have takes the frame as it is.
// It looks at the header only: a frame that Validate refused may be said to
// fit. A frame shorter than HeaderLen fits nowhere.
func Fits(frame []byte, have Features) bool {
	return len(frame) >= HeaderLen && (frame[0]&FlagNeedsCsum|frame[1] == 0 || takes(frame[0], frame[1], have))
}

// takes is Fits for open work.
func takes(flags, gsoType uint8, have Features) bool {
	if flags&FlagNeedsCsum == 0 {
		return false // segmentation without a partial checksum: Fit adds it
	}
	need := FeatureCsum
	switch gsoType & gsoTypeIs {
	case GSOTCPv4:
		need |= FeatureTSO4
	case GSOTCPv6:
		need |= FeatureTSO6
	case GSOUDPL4:
		need |= FeatureUSO
	}
	if gsoType&GSOECN != 0 {
		need |= FeatureTSOECN
	}
	return have&need == need
}

// Fit gives emit the frame in a form that a far side with features have takes.
// If it takes the frame as it is, that is the same slice. Else the checksum is
// completed in place, or the frame is cut into segments of GSOSize bytes in
// buffers of s: TCP over IPv4 and IPv6 (tcp_gso_segment) and UDP (USO,
// __udp_gso_segment), IPv6 extension headers and VLAN tags kept. Segments have
// partial checksums if have includes FeatureCsum, else complete ones.
//
// The frame should have passed Validate. One that would not is refused with a
// Reason, if work on it is due. The first error of emit ends the work and is
// returned. What emit gets is valid until it returns. No allocation once s has
// seen the largest segment.
func Fit(frame []byte, have Features, s *Segmenter, emit func(frame []byte) error) error {
	if Fits(frame, have) {
		return emit(frame)
	}
	var h Header
	if h.Decode(frame) != nil {
		return ErrTruncated
	}
	eth := frame[HeaderLen:]
	l, r := h.check(eth)
	if r != 0 {
		return r
	}
	if h.GSOType == GSONone {
		finish(frame, &h, l)
		return emit(frame)
	}
	return s.fitGSO(frame, h, l, have, emit)
}

// finish completes the checksum in place. The header becomes zero because
// nothing is left to tell.
func finish(frame []byte, h *Header, l layout) {
	complete(frame[HeaderLen:], int(h.CsumStart), int(h.CsumOffset), l.end)
	*h = Header{}
	h.Encode(frame)
}

// fitGSO is Fit for a frame that check accepted, with GSO.
func (s *Segmenter) fitGSO(frame []byte, h Header, l layout, have Features, emit func([]byte) error) error {
	eth := frame[HeaderLen:]
	n, csum, r := l.transport(eth)
	if r != 0 {
		return r
	}
	if h.Flags&FlagNeedsCsum == 0 {
		h.addPartial(eth, l, csum)
		h.Encode(frame)
		if Fits(frame, have) {
			return emit(frame)
		}
	}
	if l.end-l.l4-n > int(h.GSOSize) {
		return s.segment(frame, h, l, n, have&FeatureCsum != 0, emit)
	}
	// One segment: not a segmentation at all (virtio_net_hdr_to_skb).
	h = Header{Flags: FlagNeedsCsum, CsumStart: h.CsumStart, CsumOffset: h.CsumOffset}
	if have&FeatureCsum == 0 {
		finish(frame, &h, l)
	} else {
		h.Encode(frame)
	}
	return emit(frame)
}

// addPartial turns the transport checksum, csum bytes into the transport
// header, into a partial one, whatever the field holds.
func (h *Header) addPartial(eth []byte, l layout, csum int) {
	binary.BigEndian.PutUint16(eth[l.l4+csum:], l.pseudo(eth, l.end-l.l4))
	h.Flags = FlagNeedsCsum
	h.CsumStart, h.CsumOffset = uint16(l.l4), uint16(csum)
}
