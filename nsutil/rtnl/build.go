package rtnl

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Builder puts the body of a request together. The zero value is empty.
type Builder struct{ b []byte }

// Bytes returns the body.
func (m *Builder) Bytes() []byte { return m.b }

// Raw appends a fixed header, padded.
func (m *Builder) Raw(b []byte) *Builder {
	m.b = append(m.b, b...)
	return m.pad()
}

// Attr appends an attribute. Its data must be shorter than 64 KiB.
func (m *Builder) Attr(typ uint16, data []byte) *Builder {
	m.b = binary.NativeEndian.AppendUint16(m.b, uint16(attrLen+len(data)))
	m.b = binary.NativeEndian.AppendUint16(m.b, typ)
	m.b = append(m.b, data...)
	return m.pad()
}

// Uint32 appends an attribute of 4 bytes in host order.
func (m *Builder) Uint32(typ uint16, v uint32) *Builder {
	return m.Attr(typ, binary.NativeEndian.AppendUint32(nil, v))
}

// String appends a terminated string.
func (m *Builder) String(typ uint16, s string) *Builder {
	return m.Attr(typ, append([]byte(s), 0))
}

// Nest appends an attribute that holds those of inner.
func (m *Builder) Nest(typ uint16, inner *Builder) *Builder {
	return m.Attr(typ|unix.NLA_F_NESTED, inner.b)
}

func (m *Builder) pad() *Builder {
	for len(m.b)%4 != 0 {
		m.b = append(m.b, 0)
	}
	return m
}

// LinkHeader is struct ifinfomsg: what a request about an interface begins with.
func LinkHeader(index int, flags, change uint32) *Builder {
	h := make([]byte, unix.SizeofIfInfomsg)
	binary.NativeEndian.PutUint32(h[4:], uint32(index))
	binary.NativeEndian.PutUint32(h[8:], flags)
	binary.NativeEndian.PutUint32(h[12:], change)
	return new(Builder).Raw(h)
}

// AddrBody is the body of RTM_NEWADDR and RTM_DELADDR for one address of an
// interface. proto is IFAPROT_*, who made it.
func AddrBody(index int, p netip.Prefix, proto uint8) *Builder {
	h := make([]byte, unix.SizeofIfAddrmsg)
	h[0], h[1] = family(p.Addr()), byte(p.Bits())
	if p.Addr().Is6() && p.Addr().IsLinkLocalUnicast() {
		h[3] = unix.RT_SCOPE_LINK
	}
	binary.NativeEndian.PutUint32(h[4:], uint32(index))
	a := p.Addr().AsSlice()
	return new(Builder).Raw(h).Attr(unix.IFA_LOCAL, a).Attr(unix.IFA_ADDRESS, a).Attr(ifaProto, []byte{proto})
}

func family(a netip.Addr) byte {
	if a.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

// FamilyHeader is a zero header of n bytes that begins with a family: what
// most dump requests consist of.
func FamilyHeader(family uint8, n int) *Builder {
	h := make([]byte, n)
	h[0] = family
	return new(Builder).Raw(h)
}

// AddrGenMode appends IFLA_AF_SPEC with the way of making link-local
// addresses (IN6_ADDR_GEN_MODE_*).
func (m *Builder) AddrGenMode(mode uint8) *Builder {
	return m.inet6(new(Builder).Attr(iflaInet6AddrGenMode, []byte{mode}))
}

// Token appends IFLA_AF_SPEC with the interface id for SLAAC: the low 64
// bits of token.
func (m *Builder) Token(token netip.Addr) *Builder {
	return m.inet6(new(Builder).Attr(iflaInet6Token, token.AsSlice()))
}

func (m *Builder) inet6(attrs *Builder) *Builder {
	return m.Nest(unix.IFLA_AF_SPEC, new(Builder).Nest(unix.AF_INET6, attrs))
}
