package e2e

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/google/nftables"
)

// writeSysctl sets a sysctl of the calling thread's network namespace.
func writeSysctl(name, value string) error {
	return os.WriteFile(filepath.Join("/proc/sys", name), []byte(value), 0o644)
}

// sysctl sets one in a namespace.
func (l *lan) sysctl(ns, name, value string) {
	l.t.Helper()
	if err := l.in(ns, func() error { return writeSysctl(name, value) }); err != nil {
		l.t.Fatal(err)
	}
}

// field returns the word after key in what ip(8) says of an interface.
func (l *lan) field(ns, dev, key string) string {
	l.t.Helper()
	words := strings.Fields(l.ip(ns, "-d", "link", "show", "dev", dev))
	for i, w := range words[:len(words)-1] {
		if w == key {
			return words[i+1]
		}
	}
	return ""
}

func (l *lan) mac(ns, dev string) string {
	l.t.Helper()
	return l.field(ns, dev, "link/ether")
}

// flags are those in angle brackets, with a comma at both ends.
func (l *lan) flags(ns, dev string) string {
	l.t.Helper()
	out := l.ip(ns, "link", "show", "dev", dev)
	return "," + out[strings.Index(out, "<")+1:strings.Index(out, ">")] + ","
}

func itoa(n int) string { return strconv.Itoa(n) }

// nftTables lists the nftables of a namespace.
func (l *lan) nftTables(ns string) (names []string) {
	l.t.Helper()
	err := l.in(ns, func() error {
		conn, err := nftables.New()
		if err != nil {
			return err
		}
		tables, err := conn.ListTables()
		for _, table := range tables {
			names = append(names, table.Name)
		}
		return err
	})
	if err != nil {
		l.t.Fatal(err)
	}
	return names
}
