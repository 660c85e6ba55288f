package conformance

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
)

// tag is a VLAN tag that the kernel took off the frame.
type tag struct {
	present   bool
	tpid, tci uint16
}

// readFrame writes a frame in the line language, as far as that goes; what
// differs from one run to the next is left out or starred.
func readFrame(b []byte, t tag) string {
	if len(b) < 14 {
		return fmt.Sprintf("short %x", b)
	}
	s := "eth " + macName(b[:6]) + " " + macName(b[6:12])
	if t.present {
		s += "; " + readTag(t.tpid, t.tci)
	}
	return s + readL3(binary.BigEndian.Uint16(b[12:]), b[14:])
}

func readTag(tpid, tci uint16) string {
	s := fmt.Sprintf("vlan %d", tci&0xfff)
	if tci>>13 != 0 {
		s += fmt.Sprintf(" pcp=%d", tci>>13)
	}
	if tpid != 0x8100 {
		s += fmt.Sprintf(" tpid=%#04x", tpid)
	}
	return s
}

// readL3 writes what follows an Ethernet header or tag.
func readL3(etherType uint16, b []byte) string {
	switch {
	case (etherType == 0x8100 || etherType == 0x88a8) && len(b) >= 4:
		return "; " + readTag(etherType, binary.BigEndian.Uint16(b)) + readL3(binary.BigEndian.Uint16(b[2:]), b[4:])
	case etherType == 0x0806 && len(b) >= 28 && b[0] == 0 && b[2] == 8 && b[3] == 0 && b[4] == 6 && b[5] == 4:
		return "; " + readARP(b)
	case etherType == 0x0800 && len(b) >= 20 && b[0]>>4 == 4 && b[0]&15 >= 5:
		return "; " + readIPv4(b)
	case etherType == 0x86dd && len(b) >= 40 && b[0]>>4 == 6:
		return "; " + readIPv6(b)
	}
	return fmt.Sprintf(" type=%#04x%s", etherType, readBytes(b))
}

func readBytes(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	zeros := 0
	for zeros < len(b) && b[len(b)-1-zeros] == 0 {
		zeros++
	}
	if zeros < 8 {
		zeros = 0
	}
	s, body := "", b[:len(b)-zeros]
	head := bytes.TrimRight(body, "x")
	if len(body)-len(head) < 16 {
		head = body
	}
	if len(head) > 0 {
		s = fmt.Sprintf("; hex %x", head)
	}
	if fill := len(body) - len(head); fill > 0 {
		s += fmt.Sprintf("; fill %d", fill)
	}
	if zeros > 0 {
		s += fmt.Sprintf("; pad %d", zeros)
	}
	return s
}

func readARP(b []byte) string {
	op := binary.BigEndian.Uint16(b[6:])
	name, ok := map[uint16]string{1: "request", 2: "reply", 3: "rarp"}[op]
	if !ok {
		name = fmt.Sprint(op)
	}
	s := fmt.Sprintf("arp %s %s %s", name, addrName(b[14:18]), addrName(b[24:28]))
	if n := macName(b[8:14]); n != "PM" {
		s += " sha=" + n
	}
	if n := macName(b[18:24]); n != "00" {
		s += " tha=" + n
	}
	if b[1] != 1 {
		s += fmt.Sprintf(" hw=%d", b[1])
	}
	return s + readBytes(b[28:])
}

func readIPv4(b []byte) string {
	s := "ip4 " + addrName(b[12:16]) + " " + addrName(b[16:20])
	frag := binary.BigEndian.Uint16(b[6:])
	if frag&0x4000 != 0 {
		s += " df"
	}
	if frag&0x2000 != 0 {
		s += " mf"
	}
	s += differs("ttl", int(b[8]), 64) + differs("tos", int(b[1]), 0) + differs("off", int(frag&0x1fff), 0)
	switch id := binary.BigEndian.Uint16(b[4:]); id {
	case rawID:
	case 0:
		s += " id=0"
	default:
		s += " id=*"
	}
	ihl := int(b[0]&15) * 4
	total := int(binary.BigEndian.Uint16(b[2:]))
	if ihl > len(b) || total < ihl || total > len(b) {
		return s + fmt.Sprintf(" ihl=%d len=%d proto=%d", b[0]&15, total, b[9]) + readBytes(b[20:])
	}
	if sum(0, b[:ihl]) != 0xffff {
		s += " csum=bad"
	}
	if ihl > 20 {
		s += fmt.Sprintf(" opt=%x", b[20:ihl])
	}
	if frag&0x1fff != 0 || frag&0x2000 != 0 {
		if b = slices.Clone(b); frag&0x1fff == 0 && len(b) >= ihl+2 && binary.BigEndian.Uint16(b[ihl:]) >= 61000 {
			b[ihl], b[ihl+1] = 0xff, 0xff // a port that a router chose
		}
		return s + fmt.Sprintf(" proto=%d", b[9]) + readBytes(b[ihl:])
	}
	return s + readL4(int(b[9]), b[ihl:total], b[12:20]) + readBytes(b[total:])
}

func differs(key string, v, def int) string {
	if v == def {
		return ""
	}
	return fmt.Sprintf(" %s=%d", key, v)
}

func readIPv6(b []byte) string {
	s := "ip6 " + addrName(b[8:24]) + " " + addrName(b[24:40])
	first := binary.BigEndian.Uint32(b)
	s += differs("hop", int(b[7]), 64) + differs("tc", int(first>>20&0xff), 0)
	if first&0xfffff != 0 {
		s += " flow=*"
	}
	size := int(binary.BigEndian.Uint16(b[4:]))
	if size > len(b)-40 {
		return s + fmt.Sprintf(" len=%d next=%d", size, b[6]) + readBytes(b[40:])
	}
	next, body := int(b[6]), b[40:40+size]
	for {
		switch {
		case next == 0 && len(body) >= 8 && len(body) >= 8+int(body[1])*8:
			s += "; hbh"
			next, body = int(body[0]), body[8+int(body[1])*8:]
			continue
		case next == 44 && len(body) >= 8:
			off := binary.BigEndian.Uint16(body[2:])
			s += fmt.Sprintf("; frag6 %d %d next=%d", off>>3, off&1, body[0])
			return s + readBytes(body[8:]) + readBytes(b[40+size:])
		}
		return s + readL4(next, body, b[8:40]) + readBytes(b[40+size:])
	}
}
