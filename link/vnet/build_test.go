package vnet

import (
	"encoding/binary"
	"math/rand/v2"
)

// spec describes a frame to build. The zero value is TCP over IPv4 without a
// payload.
type spec struct {
	v6, udp bool
	vlans   int
	opts    []byte // IPv4 options or IPv6 extension headers, complete
	first   uint8  // IPv6 next header if opts is set; the last of opts names the transport
	final   []byte // IPv6 final destination if opts has a routing header under way
	tcpOpts []byte
	flags   uint8  // TCP
	seq     uint32 // TCP
	id      uint16 // IPv4
	frag    uint16 // IPv4 flags and offset
	payload []byte

	gso     uint16 // segment size; 0 is none
	ecn     bool
	partial bool // leave the checksum to be completed
}

func (s spec) proto() uint8 {
	if s.udp {
		return 17
	}
	return 6
}

// l3 and l4 are offsets in the Ethernet frame.
func (s spec) l3() int { return 14 + 4*s.vlans }

func (s spec) l4() int {
	if s.v6 {
		return s.l3() + 40 + len(s.opts)
	}
	return s.l3() + 20 + len(s.opts)
}

func (s spec) csumOffset() int {
	if s.udp {
		return 6
	}
	return 16
}

func (s spec) gsoType() uint8 {
	t := uint8(1)
	switch {
	case s.gso == 0:
		return 0
	case s.udp:
		return 5
	case s.v6:
		t = 4
	}
	if s.ecn {
		t |= 0x80
	}
	return t
}

// header returns the virtio-net header that belongs to the frame.
func (s spec) header() Header {
	h := Header{GSOType: s.gsoType(), GSOSize: s.gso}
	if s.partial {
		h.Flags, h.CsumStart, h.CsumOffset = 1, uint16(s.l4()), uint16(s.csumOffset())
	}
	if s.gso != 0 {
		h.HdrLen = uint16(s.l4() + len(s.transport()))
	}
	return h
}

// transport returns the TCP or UDP header with a zero checksum.
func (s spec) transport() []byte {
	be := binary.BigEndian
	if s.udp {
		b := make([]byte, 8)
		be.PutUint16(b[0:], 4000)
		be.PutUint16(b[2:], 53)
		be.PutUint16(b[4:], uint16(8+len(s.payload)))
		return b
	}
	b := make([]byte, 20+len(s.tcpOpts))
	be.PutUint16(b[0:], 33000)
	be.PutUint16(b[2:], 80)
	be.PutUint32(b[4:], s.seq)
	be.PutUint32(b[8:], 0x01020304)
	b[12] = byte(len(b)/4) << 4
	b[13] = s.flags
	be.PutUint16(b[14:], 0x7210)
	copy(b[20:], s.tcpOpts)
	return b
}

func (s spec) network(transport int) []byte {
	be := binary.BigEndian
	if s.v6 {
		b := make([]byte, 40, 40+len(s.opts))
		be.PutUint32(b, 0x60012345)
		be.PutUint16(b[4:], uint16(len(s.opts)+transport))
		b[6], b[7] = s.proto(), 64
		if s.opts != nil {
			b[6] = s.first
		}
		copy(b[8:], "\xfd\x00srcsrcsrcsrc\x00\x01")
		copy(b[24:], "\xfd\x00dstdstdstdst\x00\x02")
		return append(b, s.opts...)
	}
	b := make([]byte, 20+len(s.opts))
	b[0] = 4<<4 | byte(len(b)/4)
	be.PutUint16(b[2:], uint16(len(b)+transport))
	be.PutUint16(b[4:], s.id)
	be.PutUint16(b[6:], s.frag)
	b[8], b[9] = 64, s.proto()
	copy(b[12:], "\x0a\x00\x00\x01\x0a\x00\x00\x02")
	copy(b[20:], s.opts)
	be.PutUint16(b[10:], ^slowSum(b))
	return b
}

// frame builds the byte form, virtio-net header first.
func (s spec) frame() []byte {
	eth := []byte("\x02\x00\x00\x00\x00\x02\x02\x00\x00\x00\x00\x01")
	for i := range s.vlans {
		eth = append(eth, "\x88\xa8\x81\x00"[2*(2-s.vlans+i):][:2]...)
		eth = append(eth, 0x20, byte(5+i))
	}
	if s.v6 {
		eth = append(eth, 0x86, 0xdd)
	} else {
		eth = append(eth, 0x08, 0x00)
	}
	t := append(s.transport(), s.payload...)
	eth = append(eth, s.network(len(t))...)
	eth = append(eth, t...)

	sum := slowPseudo(eth, s.final)
	if !s.partial {
		sum = ^slowAdd(sum, slowSum(t))
		if sum == 0 && s.udp {
			sum = 0xffff
		}
	}
	binary.BigEndian.PutUint16(eth[s.l4()+s.csumOffset():], sum)
	frame := make([]byte, HeaderLen, HeaderLen+len(eth))
	h := s.header()
	h.Encode(frame)
	return append(frame, eth...)
}

// IPv6 extension headers that end in the given protocol.
func hopOpts(next uint8) []byte { return []byte{next, 0, 1, 4, 0, 0, 0, 0} }

func dstOpts(next uint8) []byte {
	return append([]byte{next, 1, 1, 12}, make([]byte, 12)...)
}

// routing is a routing header with one segment left, which is final.
func routing(next uint8, final []byte) []byte {
	return append([]byte{next, 2, 2, 1, 0, 0, 0, 0}, final...)
}

// bytesOf returns n random bytes.
func bytesOf(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// randomSpec returns a frame with a payload of up to n bytes.
func randomSpec(r *rand.Rand, n int) spec {
	s := spec{
		v6: r.IntN(2) == 0, udp: r.IntN(2) == 0, vlans: r.IntN(3),
		flags: byte(r.Uint32()), seq: r.Uint32(), id: uint16(r.Uint32()),
		tcpOpts: bytesOf(r, 4*r.IntN(11)),
		payload: bytesOf(r, r.IntN(n+1)),
	}
	switch {
	case !s.v6:
		s.opts = make([]byte, 4*r.IntN(11))
		for i := range s.opts {
			s.opts[i] = 1
		}
	case r.IntN(4) == 0:
		s.first, s.opts = 0, append(hopOpts(60), dstOpts(s.proto())...)
	case r.IntN(4) == 0:
		s.final = bytesOf(r, 16)
		s.first, s.opts = 43, routing(s.proto(), s.final)
	}
	return s
}
