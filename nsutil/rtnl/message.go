package rtnl

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"strings"

	"golang.org/x/sys/unix"
)

// The reasons for which a parser refuses a message.
var (
	// ErrShort says that the message ends before its fixed header does.
	ErrShort = errors.New("rtnetlink message is too short")
	// ErrOther says that the message is well formed but about something that
	// this package has no value for: another family, a cloned route.
	ErrOther = errors.New("rtnetlink message is about something else")
	// ErrValue says that a field has a value that it must not have.
	ErrValue = errors.New("rtnetlink message has an impossible value")
)

const (
	headerLen = unix.NLMSG_HDRLEN
	attrLen   = unix.SizeofNlAttr
	// typeMask takes NLA_F_NESTED and NLA_F_NET_BYTEORDER off.
	typeMask = 0x3fff
)

// Message is one netlink message. Data is what follows struct nlmsghdr.
type Message struct {
	Type, Flags uint16
	Seq, PID    uint32
	Data        []byte
}

// Next takes the first message off b. ok is false where b does not begin
// with a whole message.
func Next(b []byte) (m Message, rest []byte, ok bool) {
	if len(b) < headerLen {
		return Message{}, nil, false
	}
	n := binary.NativeEndian.Uint32(b)
	if n < headerLen || uint64(n) > uint64(len(b)) {
		return Message{}, nil, false
	}
	m = Message{
		Type:  binary.NativeEndian.Uint16(b[4:]),
		Flags: binary.NativeEndian.Uint16(b[6:]),
		Seq:   binary.NativeEndian.Uint32(b[8:]),
		PID:   binary.NativeEndian.Uint32(b[12:]),
		Data:  b[headerLen:n],
	}
	return m, b[min(align(int(n)), len(b)):], true
}

// align rounds up to 4 bytes, for messages and attributes alike.
func align(n int) int { return (n + 3) &^ 3 }

// attrs walks over attributes. It stops at the first that is not whole, as
// the kernel's own parser does.
type attrs []byte

// after returns the attributes that follow a fixed header of n bytes.
func after(data []byte, n int) attrs {
	return attrs(data[min(align(n), len(data)):])
}

func (a *attrs) next() (typ uint16, data []byte, ok bool) {
	b := *a
	if len(b) < attrLen {
		return 0, nil, false
	}
	n := int(binary.NativeEndian.Uint16(b))
	if n < attrLen || n > len(b) {
		return 0, nil, false
	}
	*a = b[min(align(n), len(b)):]
	return binary.NativeEndian.Uint16(b[2:]) & typeMask, b[attrLen:n], true
}

// u8, u16, u32 and u64 read a number; 0 where the attribute is too short for it.
func u8(b []byte) uint8 {
	if len(b) < 1 {
		return 0
	}
	return b[0]
}

func u16(b []byte) uint16 {
	if len(b) < 2 {
		return 0
	}
	return binary.NativeEndian.Uint16(b)
}

func u32(b []byte) uint32 {
	if len(b) < 4 {
		return 0
	}
	return binary.NativeEndian.Uint32(b)
}

func u64(b []byte) uint64 {
	if len(b) < 8 {
		return 0
	}
	return binary.NativeEndian.Uint64(b)
}

func i32(b []byte) int { return int(int32(u32(b))) }

// str reads a string that may or may not be terminated.
func str(b []byte) string {
	s, _, _ := strings.Cut(string(b), "\x00")
	return s
}

// clone copies a hardware address; nil where it is empty.
func clone(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return append([]byte(nil), b...)
}

// address reads an IP address of 4 or 16 bytes; zero where it is neither.
func address(b []byte) netip.Addr {
	a, _ := netip.AddrFromSlice(b)
	return a
}

// bits returns the address length of a family, 0 for those that are not IP.
func bits(family uint8) int {
	switch family {
	case unix.AF_INET:
		return 32
	case unix.AF_INET6:
		return 128
	}
	return 0
}

// prefix puts together what a message spreads: address (zero: the family's
// unspecified one) and length.
func prefix(family uint8, a netip.Addr, length uint8) (netip.Prefix, error) {
	width := bits(family)
	if width == 0 {
		return netip.Prefix{}, ErrOther
	}
	if !a.IsValid() {
		a = netip.IPv4Unspecified()
		if width == 128 {
			a = netip.IPv6Unspecified()
		}
	}
	if a.BitLen() != width || int(length) > width {
		return netip.Prefix{}, ErrValue
	}
	return netip.PrefixFrom(a, int(length)), nil
}
