package conformance

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

func asExit(err error, exit **exec.ExitError) bool { return errors.As(err, exit) }

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

// readRecord reads a record.
func readRecord(path string) (*record, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r := &record{}
	return r, json.Unmarshal(b, r)
}

// write writes a record with one case a line, in order.
func (r *record) write(path string, cases []testCase) error {
	var b strings.Builder
	fmt.Fprintf(&b, "{\"kernel\": %q, \"cases\": {\n", r.Kernel)
	for i, c := range cases {
		key, _ := json.Marshal(c.key)
		o, err := json.Marshal(r.Cases[c.key])
		if err != nil {
			return err
		}
		comma := ","
		if i == len(cases)-1 {
			comma = ""
		}
		fmt.Fprintf(&b, "%s: %s%s\n", unescape(key), unescape(o), comma)
	}
	b.WriteString("}}\n")
	return os.WriteFile(path, []byte(b.String()), 0o644)
}

// unescape undoes what json does for HTML's sake.
func unescape(b []byte) string {
	return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(b))
}
