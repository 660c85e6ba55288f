package link

import (
	"encoding/binary"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/checksum"
)

const (
	icmpLen = 8
	// maxError4 and maxError6 are the longest errors (RFC 1812 section
	// 4.3.2.3, RFC 4443 section 2.4).
	maxError4 = 576
	maxError6 = 1280

	icmpUnreachable = 3
	icmpFragNeeded  = 4
	icmp6TooBig     = 2

	// tosError is the precedence of errors: internetwork control (RFC 1812
	// section 4.3.2.5).
	tosError   = 0xc0
	errorTTL   = 64
	icmp6Error = 128 // types below are errors
)

// monotonicZero is what a monotonic clock counts from.
var monotonicZero tcpip.MonotonicTime

// fits says whether there is somebody of the packet's family to say e.
func (e *ICMPError) fits(eth []byte) bool {
	return e.From.IsValid() && e.From.Unmap().Is4() == (binary.BigEndian.Uint16(eth[12:]) == etherIPv4)
}

// tooBig is the error about a packet over the MTU of hop.
func tooBig(eth []byte, hop Hop) ICMPError {
	e := ICMPError{Type: icmpUnreachable, Code: icmpFragNeeded, MTU: hop.MTU, From: hop.ICMP.From}
	if binary.BigEndian.Uint16(eth[12:]) == etherIPv6 {
		e.Type, e.Code = icmp6TooBig, 0
	}
	return e
}

// mayComplain says whether an error may be sent about an IP frame with a whole
// header: never about errors, groups, fragments but the first, or packets of
// nobody (RFC 1812 section 4.3.2.7, RFC 4443 section 2.4).
func mayComplain(eth []byte) bool {
	ip := eth[ethLen:]
	if binary.BigEndian.Uint16(eth[12:]) == etherIPv6 {
		return mayComplain6(ip)
	}
	src, dst := be32(ip[12:]), be32(ip[16:])
	hdr := int(ip[0]&0xf) * 4
	switch {
	case src>>24 == 0, src>>24 == 127, group4(src), group4(dst), binary.BigEndian.Uint16(ip[6:])&fragOffset != 0:
		return false
	case ip[9] != protoICMP:
		return true
	case len(ip) <= hdr:
		return false
	}
	switch ip[hdr] {
	case 3, 4, 5, 11, 12: // unreachable, source quench, redirect, time exceeded, parameter problem
		return false
	}
	return true
}

func mayComplain6(ip []byte) bool {
	src, dst := load6(ip[8:]), load6(ip[24:])
	u, ok := upper6(ip)
	switch {
	case !ok, u.later, src == key6{}, src == key6{0, 1}, src.group(), dst.group():
		return false
	case u.proto != protoICMPv6:
		return true
	}
	return len(u.body) > 0 && u.body[0] >= icmp6Error && u.body[0] != icmp6Redirect
}

// sent says whether d has the source address of an IP frame.
func (v *view) sent(d *Device, eth []byte) bool {
	q, ok := query(eth)
	return ok && v.holder(q.Src) == d
}

// recipient is the device that a frame in byte form, which may be nil, is for.
func (v *view) recipient(frame []byte) *Device {
	q, ok := QueryOf(frame)
	if !ok {
		return nil
	}
	return v.holder(q.Dst)
}

// about puts the error about an IP frame with a whole header into b, a frame
// in byte form for a device of mac.
func (e *ICMPError) about(b []byte, mac MAC, eth []byte) []byte {
	ip := eth[ethLen:]
	if binary.BigEndian.Uint16(eth[12:]) == etherIPv6 {
		return e.about6(appendEthernet(b, mac, mac, etherIPv6), ip)
	}
	return e.about4(appendEthernet(b, mac, mac, etherIPv4), ip)
}

func (e *ICMPError) about4(b, ip []byte) []byte {
	quote := ip[:min(len(ip), maxError4-ipv4Len-icmpLen)]
	from := e.From.Unmap().As4()
	at := len(b)
	b = append(b, 0x45, ip[1]&0x1e|tosError, 0, 0, 0, 0, 0, 0, errorTTL, protoICMP, 0, 0)
	b = append(append(b, from[:]...), ip[12:16]...)
	b = append(b, e.Type, e.Code, 0, 0, 0, 0, 0, 0)
	binary.BigEndian.PutUint16(b[at+ipv4Len+6:], uint16(min(e.MTU, 0xffff)))
	b = append(b, quote...)
	msg := b[at+ipv4Len:]
	binary.BigEndian.PutUint16(msg[2:], ^checksum.Checksum(msg, 0))
	mendIPv4(b[at:])
	return b
}

func (e *ICMPError) about6(b, ip []byte) []byte {
	quote := ip[:min(len(ip), maxError6-ipv6Len-icmpLen)]
	at := len(b)
	b = appendIPv6(b, icmpLen+len(quote), protoICMPv6, errorTTL, e.From, load6(ip[8:]).addr())
	b = append(b, e.Type, e.Code, 0, 0)
	b = binary.BigEndian.AppendUint32(b, e.MTU)
	return sealICMPv6(append(b, quote...), at)
}
