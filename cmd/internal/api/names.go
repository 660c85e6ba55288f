package api

import (
	"errors"
	"strconv"
	"strings"
)

// The names of rtnetlink's numbers, as iproute2 ships them in /etc/iproute2.
// The files themselves are not read: a command line means the same everywhere.

type numbered struct {
	number uint32
	name   string
}

var (
	protocols = []numbered{
		{0, "unspec"}, {1, "redirect"}, {2, "kernel"}, {3, "boot"}, {4, "static"}, {8, "gated"}, {9, "ra"},
		{10, "mrt"}, {11, "zebra"}, {12, "bird"}, {13, "dnrouted"}, {14, "xorp"}, {15, "ntk"}, {16, "dhcp"},
		{18, "keepalived"}, {42, "babel"}, {99, "openr"}, {186, "bgp"}, {187, "isis"}, {188, "ospf"},
		{189, "rip"}, {192, "eigrp"},
	}
	scopes     = []numbered{{0, "global"}, {200, "site"}, {253, "link"}, {254, "host"}, {255, "nowhere"}}
	tables     = []numbered{{253, "default"}, {254, "main"}, {255, "local"}}
	groups     = []numbered{{0, "default"}}
	routeTypes = []numbered{
		{0, "none"}, {1, "unicast"}, {2, "local"}, {3, "broadcast"}, {4, "anycast"}, {5, "multicast"},
		{6, "blackhole"}, {7, "unreachable"}, {8, "prohibit"}, {9, "throw"}, {10, "nat"}, {11, "xresolve"},
	}
	dsfields = []numbered{
		{0, "default"}, {0x28, "AF11"}, {0x30, "AF12"}, {0x38, "AF13"}, {0x48, "AF21"}, {0x50, "AF22"},
		{0x58, "AF23"}, {0x68, "AF31"}, {0x70, "AF32"}, {0x78, "AF33"}, {0x88, "AF41"}, {0x90, "AF42"},
		{0x98, "AF43"}, {0x20, "CS1"}, {0x40, "CS2"}, {0x60, "CS3"}, {0x80, "CS4"}, {0xa0, "CS5"},
		{0xc0, "CS6"}, {0xe0, "CS7"}, {0xb8, "EF"},
	}
	ipProtocols = []numbered{
		{1, "icmp"}, {2, "igmp"}, {4, "ipencap"}, {6, "tcp"}, {17, "udp"}, {33, "dccp"}, {41, "ipv6"}, {47, "gre"},
		{50, "esp"}, {51, "ah"}, {58, "ipv6-icmp"}, {58, "icmpv6"}, {88, "eigrp"}, {89, "ospf"}, {103, "pim"},
		{112, "vrrp"}, {132, "sctp"}, {136, "udplite"},
	}
)

// Names is one of rtnetlink's number spaces.
type Names int

// The spaces: rtm_protocol, rtm_scope and ifa_scope, tables, interface groups,
// rtm_type, the TOS byte, the protocol number of IP (IANA; a few of
// /etc/protocols).
const (
	Protocols Names = iota
	Scopes
	Tables
	Groups
	RouteTypes
	DSFields
	IPProtocols
)

func (n Names) list() []numbered {
	return [][]numbered{protocols, scopes, tables, groups, routeTypes, dsfields, ipProtocols}[n]
}

// limit is the largest number of the space.
func (n Names) limit() uint64 {
	if n == Tables || n == Groups {
		return 1<<32 - 1
	}
	return 255
}

// Number gives the number for a name or a number in text: base 0 as C's
// strtoul, but for the TOS byte, which ip(8) reads as hexadecimal.
func (n Names) Number(text string) (uint32, bool) {
	for _, e := range n.list() {
		if e.name == text {
			return e.number, true
		}
	}
	base := 0
	if n == DSFields {
		base, text = 16, strings.TrimPrefix(strings.TrimPrefix(text, "0x"), "0X")
	}
	if strings.Contains(text, "_") {
		return 0, false
	}
	v, err := strconv.ParseUint(text, base, 64)
	if err != nil || v > n.limit() {
		return 0, false
	}
	return uint32(v), true
}

// Name gives the name, or the number in text where it has none.
func (n Names) Name(number uint32) string {
	for _, e := range n.list() {
		if e.number == number {
			return e.name
		}
	}
	if n == DSFields {
		return "0x" + strconv.FormatUint(uint64(number>>4&0xf), 16) + strconv.FormatUint(uint64(number&0xf), 16)
	}
	return strconv.FormatUint(uint64(number), 10)
}

// Texts are all names of the space.
func (n Names) Texts() []string {
	var out []string
	for _, e := range n.list() {
		out = append(out, e.name)
	}
	return out
}

// same tells if two texts of the space mean the same number.
func (n Names) same(a, b string) bool {
	x, okx := n.Number(a)
	y, oky := n.Number(b)
	return okx && oky && x == y
}

// asType is errors.As with the type as parameter.
func asType[T error](err error) (T, bool) {
	var out T
	ok := errors.As(err, &out)
	return out, ok
}
