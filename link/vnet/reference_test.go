package vnet

import (
	"encoding/binary"
	"fmt"
)

// This file is the slow and obvious reference: RFC 1071 two bytes at a time,
// and a parser of its own.

func slowAdd(a, b uint16) uint16 {
	sum := uint32(a) + uint32(b)
	if sum > 0xffff {
		sum -= 0xffff
	}
	return uint16(sum)
}

func slowSum(b []byte) uint16 {
	var sum uint16
	for i := range b {
		if i%2 == 0 {
			sum = slowAdd(sum, uint16(b[i])<<8)
		} else {
			sum = slowAdd(sum, uint16(b[i]))
		}
	}
	return sum
}

// packet is what dissect finds.
type packet struct {
	link, ip, transport, payload []byte
	v6                           bool
	proto                        uint8
	opts                         []byte
	final                        []byte
}

// dissect takes a frame apart whose IP lengths must agree with its own.
func dissect(eth []byte) (p packet, err error) {
	n := 12
	for eth[n] == 0x81 || eth[n] == 0x88 {
		n += 4
	}
	p.v6 = eth[n] == 0x86
	p.link, p.ip = eth[:n+2], eth[n+2:]
	var rest []byte
	if p.v6 {
		if got, want := int(binary.BigEndian.Uint16(p.ip[4:])), len(p.ip)-40; got != want {
			return p, fmt.Errorf("IPv6 payload length %d, want %d", got, want)
		}
		p.proto, rest = p.ip[6], p.ip[40:]
		for p.proto == 0 || p.proto == 43 || p.proto == 60 {
			if p.proto == 43 && rest[3] == 1 {
				p.final = rest[8:24]
			}
			size := 8 + 8*int(rest[1])
			p.proto = rest[0]
			p.opts = append(p.opts, rest[:size]...)
			rest = rest[size:]
		}
	} else {
		if got, want := int(binary.BigEndian.Uint16(p.ip[2:])), len(p.ip); got != want {
			return p, fmt.Errorf("IPv4 total length %d, want %d", got, want)
		}
		size := int(p.ip[0]&15) * 4
		if slowSum(p.ip[:size]) != 0xffff {
			return p, fmt.Errorf("IPv4 header checksum wrong in % x", p.ip[:size])
		}
		p.proto, p.opts, rest = p.ip[9], p.ip[20:size], p.ip[size:]
	}
	switch p.proto {
	case 6:
		size := int(rest[12]>>4) * 4
		p.transport, p.payload = rest[:size], rest[size:]
	case 17:
		if got := int(binary.BigEndian.Uint16(rest[4:])); got != len(rest) {
			return p, fmt.Errorf("UDP length %d, want %d", got, len(rest))
		}
		p.transport, p.payload = rest[:8], rest[8:]
	default:
		p.payload = rest
	}
	return p, nil
}

// slowPseudo sums the pseudo-header of a well-formed frame.
func slowPseudo(eth, final []byte) uint16 {
	p, err := dissect(eth)
	if err != nil {
		panic(err)
	}
	n := len(p.transport) + len(p.payload)
	var b []byte
	if p.v6 {
		b = append(b, p.ip[8:40]...)
		if final != nil {
			copy(b[16:], final)
		}
	} else {
		b = append(b, p.ip[12:20]...)
	}
	b = append(b, 0, p.proto, byte(n>>8), byte(n))
	return slowSum(b)
}

// verify checks all lengths and checksums of a finished frame in byte form, or
// with partial, of one whose transport checksum is partial.
func verify(frame []byte, partial bool) (packet, error) {
	var h Header
	if err := h.Decode(frame); err != nil {
		return packet{}, err
	}
	eth := frame[HeaderLen:]
	p, err := dissect(eth)
	if err != nil {
		return p, err
	}
	start := len(eth) - len(p.transport) - len(p.payload)
	offset := map[uint8]int{6: 16, 17: 6}[p.proto]
	want := Header{}
	if partial {
		want = Header{Flags: 1, CsumStart: uint16(start), CsumOffset: uint16(offset)}
	}
	if h != want {
		return p, fmt.Errorf("header %+v, want %+v", h, want)
	}
	sum := slowPseudo(eth, p.final)
	field := binary.BigEndian.Uint16(eth[start+offset:])
	if partial {
		// 0 and 0xffff are the same number in one's complement.
		if field%0xffff != sum%0xffff {
			return p, fmt.Errorf("partial checksum %#x, want %#x", field, sum)
		}
		return p, nil
	}
	if p.proto == 17 && field == 0 {
		return p, fmt.Errorf("UDP checksum is 0, which means none")
	}
	if got := slowAdd(sum, slowSum(eth[start:])); got != 0xffff {
		return p, fmt.Errorf("transport checksum %#x does not verify (sum %#x)", field, got)
	}
	return p, nil
}
