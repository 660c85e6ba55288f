package verify

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// work is struct virtio_net_hdr, in the order of its fields (Virtio 1.2, section 5.1.6).
type work struct {
	flags, gso               uint8
	hdr, size, start, offset uint16
}

const (
	workLen   = 10
	needsCsum = 1
	gsoTCP4   = 1
	gsoTCP6   = 4
	gsoUDP    = 5
	gsoECN    = 0x80
)

// with puts w in front of an Ethernet frame.
func (w work) with(eth []byte) []byte {
	b := []byte{w.flags, w.gso}
	for _, x := range []uint16{w.hdr, w.size, w.start, w.offset} {
		b = binary.NativeEndian.AppendUint16(b, x)
	}
	return append(b, eth...)
}

// split takes w off a frame.
func split(frame []byte) (w work, eth []byte, err error) {
	if len(frame) < workLen+14 {
		return w, nil, fmt.Errorf("a frame of %d bytes", len(frame))
	}
	w.flags, w.gso = frame[0], frame[1]
	for i, x := range []*uint16{&w.hdr, &w.size, &w.start, &w.offset} {
		*x = binary.NativeEndian.Uint16(frame[2+2*i:])
	}
	return w, frame[workLen:], nil
}

// parts is where things are in an Ethernet frame.
type parts struct {
	v6, udp bool
	l3, l4  int    // offsets of the headers
	data    int    // of the payload
	end     int    // of the packet: padding follows
	dst     []byte // where the packet goes in the end, if that is not in its header
}

var errAlien = errors.New("neither TCP nor UDP")

// look takes an Ethernet frame apart. It expects whole headers.
func look(eth []byte) (p parts, err error) {
	defer func() {
		if recover() != nil {
			err = fmt.Errorf("headers cut off: %x", eth)
		}
	}()
	at := 12
	for eth[at] == 0x81 && eth[at+1] == 0 || eth[at] == 0x88 && eth[at+1] == 0xa8 {
		at += 4
	}
	p.l3 = at + 2
	ip, proto := eth[p.l3:], byte(0)
	switch binary.BigEndian.Uint16(eth[at:]) {
	case 0x0800:
		p.l4, p.end, proto = p.l3+int(ip[0]&15)*4, p.l3+int(binary.BigEndian.Uint16(ip[2:])), ip[9]
	case 0x86dd:
		p.v6, p.l4, p.end, proto = true, p.l3+40, p.l3+40+int(binary.BigEndian.Uint16(ip[4:])), ip[6]
		for proto == 0 || proto == 60 || proto == 43 {
			if proto == 43 && eth[p.l4+3] > 0 { // type 2, which has one address (RFC 6275 section 6.4)
				p.dst = eth[p.l4+8:][:16]
			}
			proto, p.l4 = eth[p.l4], p.l4+8+8*int(eth[p.l4+1])
		}
	default:
		return p, errAlien
	}
	switch proto {
	case 6:
		p.data = p.l4 + int(eth[p.l4+12]>>4)*4
	case 17:
		p.udp, p.data = true, p.l4+8
	default:
		return p, errAlien
	}
	if p.data > p.end || p.end > len(eth) {
		return p, fmt.Errorf("lengths do not fit: %+v of %d bytes", p, len(eth))
	}
	return p, nil
}

// csumAt is the offset of the checksum in the transport header.
func (p parts) csumAt() int {
	if p.udp {
		return 6
	}
	return 16
}

// sum is the one's complement sum (RFC 1071) of what it is given in a row.
func sum(bs ...[]byte) uint16 {
	total, odd := uint64(0), false
	for _, b := range bs {
		if odd && len(b) > 0 {
			total, b, odd = total+uint64(b[0]), b[1:], false
		}
		for ; len(b) >= 2; b = b[2:] {
			total += uint64(b[0])<<8 | uint64(b[1])
		}
		if len(b) == 1 {
			total, odd = total+uint64(b[0])<<8, true
		}
	}
	for total > 0xffff {
		total = total>>16 + total&0xffff
	}
	return uint16(total)
}

// pseudo is the pseudo-header (RFC 768, RFC 9293 section 3.1, RFC 8200 section 8.1).
func (p parts) pseudo(eth []byte) []byte {
	n, proto := uint32(p.end-p.l4), byte(6)
	if p.udp {
		proto = 17
	}
	if p.v6 {
		b := append([]byte(nil), eth[p.l3+8:p.l3+40]...)
		if p.dst != nil {
			copy(b[16:], p.dst)
		}
		return append(binary.BigEndian.AppendUint32(b, n), 0, 0, 0, proto)
	}
	b := append([]byte(nil), eth[p.l3+12:p.l3+20]...)
	return binary.BigEndian.AppendUint16(append(b, 0, proto), uint16(n))
}

// complete puts the right transport checksum into eth.
func (p parts) complete(eth []byte) {
	field := eth[p.l4+p.csumAt():][:2]
	clear(field)
	c := ^sum(p.pseudo(eth), eth[p.l4:p.end])
	if c == 0 && p.udp {
		c = 0xffff
	}
	binary.BigEndian.PutUint16(field, c)
}

// partial puts the sum of the pseudo-header there instead.
func (p parts) partial(eth []byte) {
	binary.BigEndian.PutUint16(eth[p.l4+p.csumAt():], sum(p.pseudo(eth)))
}

// header completes the checksum of the IPv4 header.
func (p parts) header(eth []byte) {
	if p.v6 {
		return
	}
	ip := eth[p.l3 : p.l3+int(eth[p.l3]&15)*4]
	clear(ip[10:12])
	binary.BigEndian.PutUint16(ip[10:], ^sum(ip))
}

// finish does the work that a frame leaves open, and returns the Ethernet frames.
func finish(frame []byte) ([][]byte, error) {
	w, eth, err := split(frame)
	if err != nil {
		return nil, err
	}
	if w.flags&needsCsum == 0 && w.gso == 0 {
		return [][]byte{eth}, nil
	}
	p, err := look(eth)
	if err != nil {
		return nil, err
	}
	if err := w.check(eth, p); err != nil {
		return nil, fmt.Errorf("%w: %+v for %+v", err, w, p)
	}
	if w.gso == 0 {
		eth = append([]byte(nil), eth...)
		p.complete(eth)
		return [][]byte{eth}, nil
	}
	return p.cut(eth, int(w.size)), nil
}

// check finds fault with a header that does not fit its frame.
func (w work) check(eth []byte, p parts) error {
	kind := uint8(gsoTCP4)
	switch {
	case p.udp:
		kind = gsoUDP
	case p.v6:
		kind = gsoTCP6
	}
	field, want := binary.BigEndian.Uint16(eth[p.l4+p.csumAt():]), sum(p.pseudo(eth))
	switch {
	case w.flags&needsCsum == 0:
		return errors.New("segmentation without a checksum to complete")
	case int(w.start) != p.l4 || int(w.offset) != p.csumAt():
		return errors.New("the checksum is elsewhere")
	case field%0xffff != want%0xffff: // two forms of zero
		return fmt.Errorf("a pseudo-header's sum of %#x, want %#x", field, want)
	case w.gso != 0 && (w.gso&^gsoECN != kind || w.size == 0):
		return errors.New("a segmentation of another protocol")
	}
	return nil
}

// cut makes finished segments of size bytes of payload.
func (p parts) cut(eth []byte, size int) (out [][]byte) {
	data := eth[p.data:p.end]
	for at := 0; at == 0 || at < len(data); at += size {
		n := min(size, len(data)-at)
		s := append(append([]byte(nil), eth[:p.data]...), data[at:at+n]...)
		q := p
		q.end = len(s)
		ip, l4 := s[p.l3:], s[p.l4:]
		if p.v6 {
			binary.BigEndian.PutUint16(ip[4:], uint16(len(s)-p.l3-40))
		} else {
			binary.BigEndian.PutUint16(ip[2:], uint16(len(s)-p.l3))
			binary.BigEndian.PutUint16(ip[4:], binary.BigEndian.Uint16(ip[4:])+uint16(at/size))
			q.header(s)
		}
		if p.udp {
			binary.BigEndian.PutUint16(l4[4:], uint16(8+n))
		} else {
			binary.BigEndian.PutUint32(l4[4:], binary.BigEndian.Uint32(l4[4:])+uint32(at))
			if at+n < len(data) {
				l4[13] &^= 0x01 | 0x08 // FIN, PSH
			}
			if at > 0 {
				l4[13] &^= 0x80 // CWR
			}
		}
		q.complete(s)
		out = append(out, s)
	}
	return out
}
