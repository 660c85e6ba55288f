package grammar

import (
	"fmt"
	"math/bits"
	"net/netip"
	"strings"
)

// destination is what ip(8) accepts where it expects a prefix.
type destination struct {
	all      bool // "all" or "any": no restriction
	fallback bool // "default"
	prefix   netip.Prefix
}

// text is the canonical form: "" for all, and for none.
func (d destination) text() string {
	switch {
	case d.fallback:
		return "default"
	case d.prefix.IsValid():
		return d.prefix.String()
	}
	return ""
}

// parsePrefix reads PREFIX; family 0 takes either. An address alone is a
// prefix of all its bits. The host part is cut off.
func parsePrefix(arg string, family int) (destination, error) {
	switch arg {
	case "default":
		return destination{fallback: true}, nil
	case "all", "any":
		return destination{all: true}, nil
	}
	host, length, sliced := strings.Cut(arg, "/")
	addr, ok := parseAddr(host, family)
	n := addr.BitLen()
	if ok && sliced {
		n, ok = prefixLength(length, addr.BitLen())
	}
	if !ok {
		return destination{}, expected("prefix", arg, family)
	}
	return destination{prefix: netip.PrefixFrom(addr, n).Masked()}, nil
}

// hostAddr reads an address where ip(8) reads a prefix: it must be a whole one.
func hostAddr(arg string, family int) (netip.Addr, error) {
	d, err := parsePrefix(arg, family)
	if err != nil {
		return netip.Addr{}, err
	}
	if !d.prefix.IsValid() || !d.prefix.IsSingleIP() {
		return netip.Addr{}, expected("address", arg, family)
	}
	return d.prefix.Addr(), nil
}

func expected(what, arg string, family int) error {
	kind := map[int]string{0: "any valid", 4: "inet", 6: "inet6"}[family]
	return syntax(ExitSyntax, `Error: %s %s is expected rather than "%s".`, kind, what, arg)
}

func parseAddr(s string, family int) (netip.Addr, bool) {
	if strings.Contains(s, ":") {
		a, err := netip.ParseAddr(s)
		return a, err == nil && a.Zone() == "" && family != 4
	}
	a, ok := parseIPv4(s)
	return a, ok && family != 6
}

// parseIPv4 reads one to four numbers; those that are missing are zero, so
// "10.1" is 10.1.0.0 (not inet_aton's 10.0.0.1). Numbers may be octal or
// hexadecimal.
func parseIPv4(s string) (netip.Addr, bool) {
	parts := strings.Split(s, ".")
	if len(parts) > 4 {
		return netip.Addr{}, false
	}
	var out [4]byte
	for i, part := range parts {
		v, ok := unsigned(part)
		if !ok || v > 255 {
			return netip.Addr{}, false
		}
		out[i] = byte(v)
	}
	return netip.AddrFrom4(out), true
}

// prefixLength reads "24", or a mask "255.255.255.0".
func prefixLength(s string, limit int) (int, bool) {
	if v, ok := unsigned(s); ok {
		return int(v), v <= uint32(limit)
	}
	a, ok := parseIPv4(s)
	if !ok || strings.Contains(s, ":") {
		return 0, false
	}
	b := a.As4()
	mask := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	n := bits.LeadingZeros32(^mask)
	return n, mask<<n == 0 && n <= limit
}

// familyOf is 4 or 6, 0 for what has none.
func familyOf(d destination) int {
	switch {
	case !d.prefix.IsValid():
		return 0
	case d.prefix.Addr().Is4():
		return 4
	}
	return 6
}

// linkAddr reads aa:bb:cc:dd:ee:ff, of any length, one or two digits a byte.
func linkAddr(arg string) (string, error) {
	bad := func(part string) error { return syntax(ExitSyntax, `"%s" is invalid lladdr.`, part) }
	if strings.Contains(arg, ".") { // ip(8) takes an IPv4 address, too
		a, ok := parseIPv4(arg)
		if !ok {
			return "", bad(arg)
		}
		b := a.As4()
		return fmt.Sprintf("%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3]), nil
	}
	parts := strings.Split(arg, ":")
	for i, part := range parts {
		v, ok := unsigned("0x" + part)
		if !ok || v > 255 {
			return "", bad(part)
		}
		parts[i] = string([]byte{"0123456789abcdef"[v>>4], "0123456789abcdef"[v&0xf]})
	}
	return strings.Join(parts, ":"), nil
}

// ethernet refuses an address that is not of six bytes.
func ethernet(addr *string) error {
	if addr == nil || strings.Count(*addr, ":") == 5 {
		return nil
	}
	return syntax(ExitSyntax, "Invalid address length %d - must be 6 bytes", strings.Count(*addr, ":")+1)
}
