package vnet

import "encoding/binary"

// Bits of the flags and offset field of an IPv4 header (RFC 791).
const (
	ipv4DF      = 0x4000
	ipv4MF      = 0x2000
	ipv4OffMask = 0x1fff
)

// Fragment4 gives emit the IPv4 packet in frames whose packets are not larger
// than mtu bytes (RFC 791, section 3.2). A packet that is small enough is
// emitted as the same slice. Else fragments are built in buffers of s: the
// first has all options, the others those with the copied flag. A fragment may
// be fragmented again. Link header and VLAN tags are repeated; padding behind
// the packet is dropped.
//
// Errors are a Reason: ErrNeedFrag if the packet must not be fragmented,
// ErrUnfinished if the frame has open work (call Fit first), ErrNotIPv4, ErrMTU,
// ErrTruncated, ErrHeaders; or the first one of emit, which ends the work.
func Fragment4(frame []byte, mtu int, s *Segmenter, emit func(frame []byte) error) error {
	if len(frame) < HeaderLen+ethLen {
		return ErrTruncated
	}
	if frame[0]&FlagNeedsCsum|frame[1] != 0 {
		return ErrUnfinished
	}
	eth := frame[HeaderLen:]
	l, r := parse(eth, len(eth))
	if r != 0 {
		return r
	}
	if l.version != 4 {
		return ErrNotIPv4
	}
	if l.end-l.l3 <= mtu {
		return emit(frame)
	}
	flags := binary.BigEndian.Uint16(eth[l.l3+6:])
	if flags&ipv4DF != 0 {
		return ErrNeedFrag
	}
	if mtu < l.l4-l.l3+8 {
		return ErrMTU
	}
	if int(flags&ipv4OffMask)*8+l.end-l.l4 > 0xffff {
		return ErrHeaders
	}
	later, r := s.laterHeader(eth[l.l3:l.l4])
	if r != 0 {
		return r
	}
	return s.fragment(eth, l, later, mtu, emit)
}

// fragment cuts eth, whose IPv4 header has been checked; later is the header
// of all fragments but the first.
func (s *Segmenter) fragment(eth []byte, l layout, later []byte, mtu int, emit func([]byte) error) error {
	hdr, data := eth[l.l3:l.l4], eth[l.l4:l.end]
	field := binary.BigEndian.Uint16(hdr[6:])
	buf := s.room(HeaderLen + l.l3 + mtu)
	for off := 0; off < len(data); {
		n := mtu - len(hdr)
		mf := field & ipv4MF // the last has it if the packet is itself a fragment
		if n < len(data)-off {
			n &^= 7
			mf = ipv4MF
		} else {
			n = len(data) - off
		}
		end := HeaderLen + l.l3 + len(hdr) + n
		out := buf[:end:end]
		clear(out[:HeaderLen])
		copy(out[HeaderLen:], eth[:l.l3])
		ip := out[HeaderLen+l.l3:]
		copy(ip, hdr)
		copy(ip[len(hdr):], data[off:off+n])

		binary.BigEndian.PutUint16(ip[2:], uint16(len(ip)))
		binary.BigEndian.PutUint16(ip[6:], field&^(ipv4MF|ipv4OffMask)|mf|(field&ipv4OffMask+uint16(off/8)))
		setIPv4Checksum(ip[:len(hdr)])
		if err := emit(out); err != nil {
			return err
		}
		off += n
		hdr = later
	}
	return nil
}

// laterHeader returns, in a buffer of s, the header hdr with only those options
// that fragments other than the first repeat: the ones with the copied flag.
func (s *Segmenter) laterHeader(hdr []byte) ([]byte, Reason) {
	n := copy(s.opts[:], hdr[:ipv4MinLen])
	for o := hdr[ipv4MinLen:]; len(o) > 0; {
		kind, size := o[0], 1
		if kind == 0 { // end of options
			break
		}
		if kind != 1 { // no operation, one byte
			if len(o) < 2 {
				return nil, ErrHeaders
			}
			size = int(o[1])
			if size < 2 || size > len(o) {
				return nil, ErrHeaders
			}
		}
		if kind&0x80 != 0 {
			n += copy(s.opts[n:], o[:size])
		}
		o = o[size:]
	}
	for ; n%4 != 0; n++ {
		s.opts[n] = 0
	}
	s.opts[0] = 4<<4 | byte(n/4)
	return s.opts[:n], 0
}
