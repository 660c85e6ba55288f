package conformance

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// encodeL4 builds what is above IP. Extension headers are passed through: the
// pseudo header stays that of the IP header.
func encodeL4(l layer, rest []layer, pseudo []byte) []byte {
	switch l.name {
	case "udp": // udp [SPORT DPORT] csum=
		body := data(rest)
		b := binary.BigEndian.AppendUint16(nil, uint16(l.argNum(0, 9000)))
		b = binary.BigEndian.AppendUint16(b, uint16(l.argNum(1, 7)))
		b = binary.BigEndian.AppendUint16(b, uint16(l.num("len", 8+len(body))))
		b = append(append(b, 0, 0), body...)
		return checksum(l, b, 6, 17, pseudo)
	case "tcp": // tcp [SPORT DPORT] flags=
		b := binary.BigEndian.AppendUint16(nil, uint16(l.argNum(0, 9000)))
		b = binary.BigEndian.AppendUint16(b, uint16(l.argNum(1, 99)))
		b = append(b, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, byte(l.num("flags", 2)), 4, 0, 0, 0, 0, 0)
		return checksum(l, append(b, encode(rest, nil)...), 16, 6, pseudo)
	case "icmp": // icmp TYPE CODE
		b := []byte{byte(l.argNum(0, 8)), byte(l.argNum(1, 0)), 0, 0, 0x1d, 0x1d, 0, 1}
		return checksum(l, append(b, data(rest)...), 2, 0, nil)
	case "icmp6":
		b := []byte{byte(l.argNum(0, 128)), byte(l.argNum(1, 0)), 0, 0, 0x1d, 0x1d, 0, 1}
		return checksum(l, append(b, data(rest)...), 2, 58, pseudo)
	case "ns", "na", "rs", "ra":
		return checksum(l, append(encodeND(l), encode(rest, nil)...), 2, 58, pseudo)
	case "hbh": // hop-by-hop options: padding
		b := []byte{byte(protoOf(rest, 6)), 0, 1, 4, 0, 0, 0, 0}
		return append(b, encode(rest, pseudo)...)
	case "frag6": // frag6 OFFSET MORE
		b := []byte{byte(l.num("next", protoOf(rest, 6))), 0, 0, byte(l.argNum(0, 0)<<3 | l.argNum(1, 1)), 0, 0, 0x1d, 0x1d}
		return append(b, encode(rest, pseudo)...)
	}
	l.fail(fmt.Errorf("no such layer"))
	return nil
}

// data is the payload: what the rest says, or the usual words.
func data(rest []layer) []byte {
	if len(rest) == 0 {
		return []byte(payload)
	}
	return encode(rest, nil)
}

// encodeND reads "ns TARGET sll=", "na TARGET flags= tll=", "rs sll=", "ra PREFIX".
func encodeND(l layer) []byte {
	b := []byte{map[string]byte{"rs": 133, "ra": 134, "ns": 135, "na": 136}[l.name], 0, 0, 0}
	option := func(kind byte, role string) {
		if role != "" && role != "none" {
			hw := layer{name: l.name, args: []string{role}, err: l.err}
			b = append(append(b, kind, 1), hw.mac(0, "")...)
		}
	}
	switch l.name {
	case "rs":
		b = append(b, 0, 0, 0, 0)
		option(1, or(l.opt["sll"], "PM"))
	case "ra":
		b = append(b, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0)
		b = append(b, 3, 4, 64, 0xc0, 0, 0, 0x0e, 0x10, 0, 0, 0x0e, 0x10, 0, 0, 0, 0)
		b = append(b, l.addr(0, 16)...)
	case "ns":
		b = append(append(b, 0, 0, 0, 0), l.addr(0, 16)...)
		option(1, or(l.opt["sll"], "PM"))
	case "na":
		var flags byte
		for i, c := range "rso" {
			if strings.ContainsRune(or(l.opt["flags"], "so"), c) {
				flags |= 0x80 >> i
			}
		}
		b = append(append(b, flags, 0, 0, 0), l.addr(0, 16)...)
		option(2, or(l.opt["tll"], "PM"))
	}
	return b
}

// checksum fills the checksum at off; option csum=0 leaves it out, csum=bad
// spoils it. proto 0 is without a pseudo header.
func checksum(l layer, b []byte, off, proto int, pseudo []byte) []byte {
	if l.opt["csum"] == "0" {
		return b
	}
	n := ^sum(pseudoSum(pseudo, proto, len(b)), b)
	if n == 0 {
		n = 0xffff
	}
	if l.opt["csum"] == "bad" {
		n ^= 0x5555
	}
	binary.BigEndian.PutUint16(b[off:], n)
	return b
}

func pseudoSum(pseudo []byte, proto, size int) uint16 {
	if proto == 0 {
		return 0
	}
	var tail [4]byte
	binary.BigEndian.PutUint16(tail[:], uint16(size))
	tail[3] = byte(proto)
	return sum(sum(0, pseudo), tail[:])
}
