package conformance

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

// rawID is the IP identification of all frames of the cases: the reader shows
// others as "id=*".
const rawID = 0x1d1d

// payload is what a frame without one of its own carries.
const payload = "conformance"

// build makes a frame of the line language into bytes.
func build(s string) ([]byte, error) {
	var err error
	layers := parseLayers(s, &err)
	if err != nil {
		return nil, err
	}
	b := encode(layers, nil)
	return b, err
}

// encode builds the first layer around all others; ip is the enclosing IP
// header's addresses, for checksums.
func encode(layers []layer, pseudo []byte) []byte {
	if len(layers) == 0 {
		return nil
	}
	l, rest := layers[0], layers[1:]
	switch l.name {
	case "eth":
		return encodeEth(l, rest)
	case "vlan":
		b := binary.BigEndian.AppendUint16(nil, uint16(l.argNum(0, 0)|l.num("pcp", 0)<<13))
		b = binary.BigEndian.AppendUint16(b, uint16(l.num("type", etherTypeOf(rest))))
		return append(b, encode(rest, nil)...)
	case "arp":
		return append(encodeARP(l), encode(rest, nil)...)
	case "ip4":
		return encodeIPv4(l, rest)
	case "ip6":
		return encodeIPv6(l, rest)
	case "hex":
		b, err := hex.DecodeString(l.arg(0, ""))
		l.fail(err)
		return append(b, encode(rest, pseudo)...)
	case "fill": // so many bytes
		return append(bytes.Repeat([]byte{'x'}, l.argNum(0, 0)), encode(rest, pseudo)...)
	}
	return encodeL4(l, rest, pseudo)
}

func encodeEth(l layer, rest []layer) []byte {
	cut, pad := -1, 0
	if n := len(rest); n > 0 {
		switch last := rest[n-1]; last.name {
		case "cut": // the frame ends after so many bytes of payload
			cut, rest = last.argNum(0, 0), rest[:n-1]
		case "pad": // so many bytes of padding
			pad, rest = last.argNum(0, 0), rest[:n-1]
		}
	}
	b := append(l.mac(0, "FF"), l.mac(1, "PM")...)
	b = binary.BigEndian.AppendUint16(b, uint16(l.num("type", etherTypeOf(rest))))
	b = append(b, encode(rest, nil)...)
	if cut >= 0 && 14+cut < len(b) {
		b = b[:14+cut]
	}
	return append(b, make([]byte, pad)...)
}

func etherTypeOf(rest []layer) int {
	if len(rest) == 0 {
		return 0x88b6
	}
	switch rest[0].name {
	case "arp":
		return 0x0806
	case "ip4":
		return 0x0800
	case "ip6":
		return 0x86dd
	case "vlan":
		return rest[0].num("tpid", 0x8100)
	}
	return 0x88b6 // local experimental
}

// encodeARP reads "arp OP SPA TPA sha= tha=".
func encodeARP(l layer) []byte {
	op := map[string]uint16{"request": 1, "reply": 2, "rarp": 3}[l.arg(0, "")]
	if op == 0 {
		l.fail(fmt.Errorf("no such operation"))
	}
	b := binary.BigEndian.AppendUint16([]byte{0, byte(l.num("hw", 1)), 8, 0, 6, 4}, op)
	hw := layer{name: "arp", args: []string{or(l.opt["sha"], "PM"), or(l.opt["tha"], "00")}, err: l.err}
	b = append(append(b, hw.mac(0, "")...), l.addr(1, 4)...)
	return append(append(b, hw.mac(1, "")...), l.addr(2, 4)...)
}

func or(s, def string) string {
	if s == "" {
		return def
	}
	return s
}

// encodeIPv4 reads "ip4 SRC DST [df] [mf] ttl= tos= id= off= proto= ver= ihl= len= csum= opt=".
func encodeIPv4(l layer, rest []layer) []byte {
	src, dst, opt := l.addr(0, 4), l.addr(1, 4), l.hex("opt")
	body := encode(rest, append(bytes.Clone(src), dst...))
	frag := l.num("off", 0)
	if l.flag("df") {
		frag |= 0x4000
	}
	if l.flag("mf") {
		frag |= 0x2000
	}
	ihl := 20 + len(opt)
	b := make([]byte, 20, ihl+len(body))
	b[0] = byte(l.num("ver", 4)<<4 | l.num("ihl", ihl/4))
	b[1] = byte(l.num("tos", 0))
	binary.BigEndian.PutUint16(b[2:], uint16(l.num("len", ihl+len(body))))
	binary.BigEndian.PutUint16(b[4:], uint16(l.num("id", rawID)))
	binary.BigEndian.PutUint16(b[6:], uint16(frag))
	b[8], b[9] = byte(l.num("ttl", 64)), byte(l.num("proto", protoOf(rest, 4)))
	copy(b[12:], src)
	copy(b[16:], dst)
	b = append(b, opt...)
	binary.BigEndian.PutUint16(b[10:], ^sum(0, b)^uint16(l.num("csum", 0)))
	return append(b, body...)
}

// encodeIPv6 reads "ip6 SRC DST hop= tc= flow= next= ver= len=".
func encodeIPv6(l layer, rest []layer) []byte {
	src, dst := l.addr(0, 16), l.addr(1, 16)
	body := encode(rest, append(bytes.Clone(src), dst...))
	b := make([]byte, 8, 40+len(body))
	binary.BigEndian.PutUint32(b, uint32(l.num("ver", 6)<<28|l.num("tc", 0)<<20|l.num("flow", 0)))
	binary.BigEndian.PutUint16(b[4:], uint16(l.num("len", len(body))))
	b[6], b[7] = byte(l.num("next", protoOf(rest, 6))), byte(l.num("hop", 64))
	b = append(append(b, src...), dst...)
	return append(b, body...)
}

func protoOf(rest []layer, version int) int {
	if len(rest) == 0 {
		return 59
	}
	switch rest[0].name {
	case "udp":
		return 17
	case "tcp":
		return 6
	case "icmp":
		return 1
	case "icmp6", "ns", "na", "rs", "ra":
		return 58
	case "hbh":
		return 0
	case "frag6":
		return 44
	}
	return 253 // experimental
}

// sum is the ones' complement sum of b and what was summed before.
func sum(before uint16, b []byte) uint16 {
	n := uint32(before)
	for i := 0; i+1 < len(b); i += 2 {
		n += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	if len(b)%2 == 1 {
		n += uint32(b[len(b)-1]) << 8
	}
	for n > 0xffff {
		n = n>>16 + n&0xffff
	}
	return uint16(n)
}
