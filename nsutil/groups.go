package nsutil

import (
	"bufio"
	"encoding/hex"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
)

// Groups reads the multicast MAC addresses that an interface has joined
// (what "ip maddr" shows as link), in the kernel's order.
func Groups(ns Ref, index int) ([]net.HardwareAddr, error) {
	var groups []net.HardwareAddr
	err := ns.Do(func() error {
		// /proc/net would be that of the process, not of the thread.
		f, err := os.Open("/proc/thread-self/net/dev_mcast")
		if err != nil {
			return err
		}
		defer f.Close()
		groups, err = parseDevMcast(f, index)
		return err
	})
	return groups, wrap("read the multicast groups of", ns.spec, err)
}

// parseDevMcast reads lines of "index name users global address", and skips
// those that are not.
func parseDevMcast(r io.Reader, index int) ([]net.HardwareAddr, error) {
	var groups []net.HardwareAddr
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) != 5 {
			continue
		}
		if n, err := strconv.Atoi(fields[0]); err != nil || n != index {
			continue
		}
		if mac, err := hex.DecodeString(fields[4]); err == nil {
			groups = append(groups, mac)
		}
	}
	return groups, lines.Err()
}
