package conformance

import (
	"encoding/binary"
	"fmt"
)

// readL4 writes what is above IP. A checksum that the sender left to the
// network card (CHECKSUM_PARTIAL, as captures show) counts as right.
func readL4(proto int, b, pseudo []byte) string {
	switch {
	case proto == 17 && len(b) >= 8 && int(binary.BigEndian.Uint16(b[4:])) == len(b):
		s := "; udp " + readPorts(b)
		if b[6]|b[7] == 0 {
			s += " csum=0"
		} else {
			s += right(b, 6, pseudoSum(pseudo, 17, len(b)))
		}
		return s + readData(b[8:])
	case proto == 6 && len(b) >= 20:
		return "; tcp " + readPorts(b) + fmt.Sprintf(" flags=%d", b[13]) +
			right(b, 16, pseudoSum(pseudo, 6, len(b)))
	case proto == 1 && len(b) >= 8 && len(pseudo) == 8:
		s := fmt.Sprintf("; icmp %d %d", b[0], b[1]) + right(b, 2, 0)
		if b[0] == 8 || b[0] == 0 {
			return s + readData(b[8:])
		}
		return s + fmt.Sprintf(" quote=%x", b[4:8]) // of what it quotes, lengths vary
	case proto == 58 && len(b) >= 8 && len(pseudo) == 32:
		return readICMPv6(b) + right(b, 2, pseudoSum(pseudo, 58, len(b)))
	}
	return fmt.Sprintf(" proto=%d", proto) + readBytes(b)
}

// readPorts writes source and destination port. Those that a router chose are
// all one: which is chance.
func readPorts(b []byte) string {
	text := func(port uint16) string {
		if port >= 61000 {
			return "nat"
		}
		return fmt.Sprint(port)
	}
	return text(binary.BigEndian.Uint16(b)) + " " + text(binary.BigEndian.Uint16(b[2:]))
}

func right(b []byte, off int, pseudo uint16) string {
	if sum(pseudo, b) == 0xffff || binary.BigEndian.Uint16(b[off:]) == pseudo && pseudo != 0 {
		return ""
	}
	return " csum=bad"
}

func readData(b []byte) string {
	if string(b) == payload {
		return ""
	}
	return readBytes(b)
}

func readICMPv6(b []byte) string {
	switch t := b[0]; {
	case t == 128 || t == 129:
		return fmt.Sprintf("; icmp6 %d %d", t, b[1]) + readData(b[8:])
	case t == 135 && len(b) >= 24:
		return "; ns " + addrName(b[8:24]) + readND(b[24:], "sll")
	case t == 136 && len(b) >= 24:
		s := "; na " + addrName(b[8:24]) + " flags="
		for i, c := range "rso" {
			if b[4]&(0x80>>i) != 0 {
				s += string(c)
			}
		}
		return s + readND(b[24:], "tll")
	case t == 133:
		return "; rs" + readND(b[8:], "sll")
	case t == 134 && len(b) >= 16:
		return "; ra"
	case t < 128:
		return fmt.Sprintf("; icmp6 %d %d quote=%x", t, b[1], b[4:8])
	}
	return fmt.Sprintf("; icmp6 %d %d", b[0], b[1]) + readBytes(b[8:])
}

// readND writes the link-layer address option.
func readND(b []byte, key string) string {
	if len(b) >= 8 && b[0] == 14 && b[1] == 1 { // RFC 3971 5.3.2, with probes for duplicates
		return " " + key + "=nonce" + readBytes(b[8:])
	}
	if len(b) < 8 || b[1] != 1 {
		return fmt.Sprintf(" %s=none", key) + readBytes(b)
	}
	return " " + key + "=" + macName(b[2:8]) + readBytes(b[8:])
}
