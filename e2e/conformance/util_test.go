package conformance

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
)

func sysctl(name, value string) error {
	return os.WriteFile(filepath.Join("/proc/sys/net", name), []byte(value), 0o644)
}

func mustMAC(s string) []byte {
	b, err := net.ParseMAC(s)
	if err != nil {
		return make([]byte, 6)
	}
	return b
}

func namesOf(addrs []string) []string {
	var names []string
	for _, s := range addrs {
		if a, err := netip.ParseAddr(s); err == nil {
			s = addrName(a.AsSlice())
		}
		names = append(names, s)
	}
	slices.Sort(names)
	return names
}

// prefixOf reads a role or an address with a prefix length.
func prefixOf(s string) (netip.Prefix, error) { return netip.ParsePrefix(roles([]string{s})[0]) }
