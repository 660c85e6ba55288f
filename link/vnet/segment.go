package vnet

import (
	"encoding/binary"

	"gvisor.dev/gvisor/pkg/tcpip/checksum"
)

// Flags of a TCP header, byte 13.
const (
	tcpFIN = 0x01
	tcpPSH = 0x08
	tcpCWR = 0x80
)

// Segmenter holds the buffer in which segments and fragments are built. The
// zero value works. It belongs to one goroutine at a time, and must not be
// used again inside emit.
type Segmenter struct {
	buf  []byte
	opts [60]byte // IPv4 header of a later fragment
}

// room returns a buffer of n bytes with unspecified contents.
func (s *Segmenter) room(n int) []byte {
	if cap(s.buf) < n {
		s.buf = make([]byte, n, n+n/4)
	}
	return s.buf[:n]
}

// cut is the plan by which one frame is segmented.
type cut struct {
	layout
	eth     []byte // the frame to be cut, only read
	hdr     int    // bytes of all its headers
	csum    int    // offset of the checksum field in the transport header
	base    uint16 // sum of the pseudo-header without a length
	partial bool   // leave the checksums of segments partial
}

// segment cuts a frame that check accepted, whose transport header is n bytes.
func (s *Segmenter) segment(frame []byte, h Header, l layout, n int, partial bool, emit func([]byte) error) error {
	c := cut{layout: l, eth: frame[HeaderLen:], hdr: l.l4 + n, csum: int(h.CsumOffset), partial: partial}
	c.base = c.pseudoBase()
	size, payload := int(h.GSOSize), c.eth[c.hdr:l.end]
	buf := s.room(HeaderLen + c.hdr + size)

	out := Header{}
	if partial {
		out = Header{Flags: FlagNeedsCsum, CsumStart: h.CsumStart, CsumOffset: h.CsumOffset}
	}
	for i, off := 0, 0; off < len(payload); i, off = i+1, off+size {
		data := payload[off:min(off+size, len(payload))]
		end := HeaderLen + c.hdr + len(data)
		seg := buf[:end:end]
		// Anew for each segment, because emit may have changed the last one.
		out.Encode(seg)
		copy(seg[HeaderLen:], c.eth[:c.hdr])
		copy(seg[HeaderLen+c.hdr:], data)
		c.fix(seg[HeaderLen:], i, off, off+len(data) == len(payload))
		if err := emit(seg); err != nil {
			return err
		}
	}
	return nil
}

// pseudoBase takes the length out of the sum that the frame's checksum field
// holds. Starting there rather than from the addresses keeps the right final
// destination of a packet with a routing header (as tcp_gso_segment does).
// TCP's sum counts the real length; UDP's the one in its header.
func (c *cut) pseudoBase() uint16 {
	n := uint16(c.end - c.l4)
	if c.proto == protoUDP {
		n = binary.BigEndian.Uint16(c.eth[c.l4+4:])
	}
	return checksum.Combine(binary.BigEndian.Uint16(c.eth[c.l4+c.csum:]), ^n)
}

// fix turns the copied headers of eth into those of segment i, whose payload
// starts off bytes into the frame's.
func (c *cut) fix(eth []byte, i, off int, last bool) {
	n := len(eth) - c.l4
	ip := eth[c.l3:c.l4]
	if c.version == 4 {
		binary.BigEndian.PutUint16(ip[2:], uint16(len(eth)-c.l3))
		binary.BigEndian.PutUint16(ip[4:], binary.BigEndian.Uint16(ip[4:])+uint16(i))
		setIPv4Checksum(ip)
	} else {
		binary.BigEndian.PutUint16(ip[4:], uint16(len(eth)-c.l3-ipv6Len))
	}
	l4 := eth[c.l4:]
	if c.proto == protoTCP {
		binary.BigEndian.PutUint32(l4[4:], binary.BigEndian.Uint32(l4[4:])+uint32(off))
		if !last {
			l4[13] &^= tcpFIN | tcpPSH
		}
		if off != 0 {
			l4[13] &^= tcpCWR
		}
	} else {
		binary.BigEndian.PutUint16(l4[4:], uint16(n))
	}
	binary.BigEndian.PutUint16(l4[c.csum:], checksum.Combine(c.base, uint16(n)))
	if !c.partial {
		complete(eth, c.l4, c.csum, len(eth))
	}
}
