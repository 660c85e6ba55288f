package vnet

import (
	"encoding/binary"
	"errors"
)

// HeaderLen is the length in bytes of the legacy virtio-net header that TAP
// (IFF_VNET_HDR) and AF_PACKET (PACKET_VNET_HDR) put before each frame.
const HeaderLen = 10

// Bits of Header.Flags (Virtio 1.2, section 5.1.6).
const (
	FlagNeedsCsum = 1 // checksum from CsumStart on has to be completed
	FlagDataValid = 2 // checksum was verified by who gave the frame
)

// Values of Header.GSOType; GSOECN is a bit that is or-ed in.
const (
	GSONone   = 0
	GSOTCPv4  = 1
	GSOUDP    = 3 // UFO, IP fragmentation of one datagram: refused
	GSOTCPv6  = 4
	GSOUDPL4  = 5 // USO, many datagrams of equal size
	GSOECN    = 0x80
	gsoTypeIs = 0x7f
)

// Features says which open work a far side completes itself when it is given
// a frame. The zero value is a far side that wants finished frames.
type Features uint8

const (
	// FeatureCsum takes frames with a partial checksum.
	FeatureCsum Features = 1 << iota
	// FeatureTSO4 takes TCP over IPv4 larger than the MTU.
	FeatureTSO4
	// FeatureTSO6 takes TCP over IPv6 larger than the MTU.
	FeatureTSO6
	// FeatureTSOECN takes TCP segments with CWR set in the first.
	FeatureTSOECN
	// FeatureUSO takes UDP frames of many datagrams (UDP_SEGMENT).
	FeatureUSO

	// FeaturesAll is what Linux takes through a TAP or a packet socket since 6.2.
	FeaturesAll = FeatureCsum | FeatureTSO4 | FeatureTSO6 | FeatureTSOECN | FeatureUSO
)

// Header is struct virtio_net_hdr of linux/virtio_net.h, in host byte order on
// the wire of the descriptor. Offsets count from the first byte of the
// Ethernet frame. The zero value is a finished, unsegmented frame.
type Header struct {
	Flags      uint8
	GSOType    uint8
	HdrLen     uint16 // bytes of all headers up to the payload, a hint
	GSOSize    uint16 // payload bytes of a segment
	CsumStart  uint16
	CsumOffset uint16 // from CsumStart
}

// ErrShort reports fewer than HeaderLen bytes.
var ErrShort = errors.New("virtio-net header: fewer than 10 bytes")

// Decode reads h from the first HeaderLen bytes of b.
func (h *Header) Decode(b []byte) error {
	if len(b) < HeaderLen {
		return ErrShort
	}
	h.Flags = b[0]
	h.GSOType = b[1]
	h.HdrLen = binary.NativeEndian.Uint16(b[2:])
	h.GSOSize = binary.NativeEndian.Uint16(b[4:])
	h.CsumStart = binary.NativeEndian.Uint16(b[6:])
	h.CsumOffset = binary.NativeEndian.Uint16(b[8:])
	return nil
}

// Encode writes h to the first HeaderLen bytes of b, which must be that long.
func (h *Header) Encode(b []byte) {
	_ = b[HeaderLen-1]
	b[0] = h.Flags
	b[1] = h.GSOType
	binary.NativeEndian.PutUint16(b[2:], h.HdrLen)
	binary.NativeEndian.PutUint16(b[4:], h.GSOSize)
	binary.NativeEndian.PutUint16(b[6:], h.CsumStart)
	binary.NativeEndian.PutUint16(b[8:], h.CsumOffset)
}
