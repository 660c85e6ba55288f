package nsutil

import (
	"errors"
	"strings"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"

	"github.com/ipvl/ipvl/nsutil/rtnl"
)

// CleanupStale removes, in the namespace of the calling thread, what killed
// runs left behind: guards, our ends of veth pairs, and TAPs that were being
// made. What a living process holds is left alone. It returns, in words, what
// it removed.
func CleanupStale() (removed []string, err error) {
	links, err := staleLinks()
	removed = append(removed, links...)
	tables, terr := staleTables()
	return append(removed, tables...), wrap("clean up", "", errors.Join(err, terr))
}

// staleLinks removes interfaces of ours that nobody holds.
func staleLinks() (removed []string, err error) {
	c, err := rtnl.Dial()
	if err != nil {
		return nil, err
	}
	defer c.Close()
	links, err := c.Links()
	if err != nil && !errors.Is(err, rtnl.ErrInterrupted) {
		return nil, err
	}
	err = nil
	for _, l := range links {
		if !isOurs(l) || !isStale(l.Name) {
			continue
		}
		derr := c.Do(unix.RTM_DELLINK, 0, rtnl.LinkHeader(l.Index, 0, 0).Bytes())
		if derr != nil && !errors.Is(derr, unix.ENODEV) {
			err = errors.Join(err, derr)
			continue
		}
		removed = append(removed, l.Kind+" "+l.Name)
	}
	return removed, err
}

// isOurs tells whether an interface has a name of tempName, and the kind that
// goes with it.
func isOurs(l rtnl.Link) bool {
	rest, ok := strings.CutPrefix(l.Name, tempPrefix)
	if !ok || len(rest) != 9 || strings.Trim(rest[1:], "0123456789abcdef") != "" {
		return false
	}
	switch rest[0] {
	case 't':
		return l.Kind == "tun"
	case 'v':
		return l.Kind == "veth" && l.Alias == vethAlias
	}
	return false
}

// isStale tells whether no living process in this namespace holds a name.
func isStale(name string) bool {
	h, err := claim(name)
	h.release()
	return err == nil
}

// staleTables removes tables of ours that nobody holds.
func staleTables() (removed []string, err error) {
	conn, err := nftables.New()
	if err != nil {
		return nil, err
	}
	tables, err := conn.ListTablesOfFamily(nftables.TableFamilyNetdev)
	if err != nil {
		return nil, err
	}
	for _, t := range tables {
		ifname, ok := strings.CutPrefix(t.Name, tablePrefix)
		// A guard holds the table's name, a veth pair the interface's.
		if !ok || !isStale(t.Name) || !isStale(ifname) {
			continue
		}
		if derr := delTable(ifname); derr != nil {
			err = errors.Join(err, derr)
			continue
		}
		removed = append(removed, "table netdev "+t.Name)
	}
	return removed, err
}
