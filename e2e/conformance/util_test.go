package conformance

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"time"
)

func sysctl(name, value string) error {
	return os.WriteFile(filepath.Join("/proc/sys/net", name), []byte(value), 0o644)
}

// pause is between two looks at something that has to happen: looking costs
// processor time, which it may need to happen.
func pause() { <-time.After(2 * time.Millisecond) }

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
