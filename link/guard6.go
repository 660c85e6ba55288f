package link

import "encoding/binary"

const (
	protoHopOpts  = 0
	protoRouting  = 43
	protoFragment = 44
	protoAuth     = 51
	protoDstOpts  = 60

	icmp6RS        = 133
	icmp6RA        = 134
	icmp6Redirect  = 137
	icmp6MLDReport = 131
	icmp6MLDDone   = 132
	icmp6MLDv2     = 143
)

// upper is what an IPv6 packet carries behind its extension headers.
type upper struct {
	proto byte
	body  []byte // as far as the frame goes
	frag  bool   // behind a fragment header
	later bool   // in a fragment that is not the first: proto and body tell nothing
}

// upper6 walks over the extension headers of ip, which holds a whole IPv6
// header. It is false where the frame ends among them.
func upper6(ip []byte) (u upper, ok bool) {
	if n := int(binary.BigEndian.Uint16(ip[4:])); n != 0 && ipv6Len+n < len(ip) {
		ip = ip[:ipv6Len+n] // the rest is padding
	}
	u = upper{proto: ip[6], body: ip[ipv6Len:]}
	for {
		size := 8
		switch {
		case u.proto == protoHopOpts, u.proto == protoRouting, u.proto == protoDstOpts:
			if len(u.body) >= 2 {
				size += int(u.body[1]) * 8
			}
		case u.proto == protoAuth:
			if len(u.body) >= 2 {
				size = int(u.body[1])*4 + 8
			}
		case u.proto != protoFragment:
			return u, true
		}
		if len(u.body) < size {
			return u, false
		}
		if u.proto == protoFragment {
			u.frag = true
			if binary.BigEndian.Uint16(u.body[2:])>>3 != 0 {
				u.later = true
				return u, true
			}
		}
		u.proto, u.body = u.body[0], u.body[size:]
	}
}

// permitsIPv6 says whether a guarded device may send the IPv6 packet ip.
func (v *view) permitsIPv6(d *Device, ip []byte) bool {
	if len(ip) < ipv6Len || ip[0]>>4 != 6 {
		return false
	}
	src := load6(ip[8:])
	if src != (key6{}) && v.v6.get(src) != d {
		return false
	}
	u, ok := upper6(ip)
	switch {
	case !ok:
		// Neighbour discovery could hide there (RFC 7112).
		return false
	case src == key6{}:
		return v.nameless6(d, ip, u)
	case u.later || u.proto != protoICMPv6:
		return true
	}
	return v.permitsND(d, u)
}

// permitsND lets a device speak of itself in neighbour discovery: link-layer
// addresses are the master's, an advertised target is its own. Other ICMPv6
// passes.
func (v *view) permitsND(d *Device, u upper) bool {
	b := u.body
	if len(b) < icmp6Len {
		return false
	}
	fixed := 0
	switch b[0] {
	case icmp6RS:
		fixed = icmp6Len
	case icmp6RA:
		fixed = 16
	case icmp6NS, icmp6NA:
		fixed = ndMsgLen
	case icmp6Redirect:
		fixed = 40
	default:
		return true
	}
	if u.frag || len(b) < fixed {
		return false // nobody takes those (RFC 6980 section 5)
	}
	if (b[0] == icmp6NA || b[0] == icmp6Redirect) && v.v6.get(load6(b[8:])) != d {
		return false
	}
	_, ok := ndOptions(b[fixed:], &v.mac)
	return ok
}

// nameless6 says whether an IPv6 packet may come from ::, as a host without an
// address sends: a DAD probe for an address that no sibling has (RFC 4862
// section 5.4.2), a router solicitation, a report of groups (RFC 3590).
func (v *view) nameless6(d *Device, ip []byte, u upper) bool {
	dst := load6(ip[24:])
	if u.proto != protoICMPv6 || u.frag || len(u.body) < icmp6Len || !dst.group() {
		return false
	}
	fixed := icmp6Len
	switch u.body[0] {
	case icmp6MLDReport, icmp6MLDDone, icmp6MLDv2:
		return true
	case icmp6NS:
		fixed = ndMsgLen
		if len(u.body) < fixed {
			return false
		}
		target := load6(u.body[8:])
		if owner := v.v6.get(target); dst != target.solicitedNode() || (owner != nil && owner != d) {
			return false
		}
	case icmp6RS:
	default:
		return false
	}
	seen, ok := ndOptions(u.body[fixed:], nil)
	return ok && seen == 0
}
