package nsutil

import (
	"os"
	"path/filepath"

	"github.com/ipvl/ipvl/nsutil/rtnl"
)

// NSID returns the id under which the namespace of the calling thread knows
// ns, and under which the Watcher reports it. It assigns one where there is none.
// The calling thread's own is -1.
func NSID(ns Ref) (int, error) {
	if Same(ns, Ref{}) {
		return -1, nil
	}
	f, err := ns.Open()
	if err != nil {
		return -1, err
	}
	defer f.Close()
	c, err := rtnl.Dial()
	if err != nil {
		return -1, wrap("assign an id to network namespace", ns.spec, err)
	}
	defer c.Close()
	id, err := c.AssignNSID(int(f.Fd()))
	return id, wrap("assign an id to network namespace", ns.spec, err)
}

// ByNSID finds the namespace that the calling thread's knows under id, among
// the named ones and those of processes. ErrUnknownNetns: it is neither.
func ByNSID(id int) (Ref, error) {
	c, err := rtnl.Dial()
	if err != nil {
		return Ref{}, wrap("find a network namespace", "", err)
	}
	defer c.Close()
	return findNSID(c, id, Ref{})
}

// findNSID is ByNSID for the namespace of c; hint is tried first.
func findNSID(c *rtnl.Conn, id int, hint Ref) (Ref, error) {
	match := func(ref Ref) bool {
		f, err := ref.Open()
		if err != nil {
			return false
		}
		defer f.Close()
		got, err := c.NSID(int(f.Fd()))
		return err == nil && got == id
	}
	if !hint.IsOwn() && match(hint) {
		return hint, nil
	}
	return searchNetns(match)
}

// searchNetns looks at each network namespace that a name or a process leads
// to, once, until match takes one.
func searchNetns(match func(Ref) bool) (Ref, error) {
	seen := make(map[ID]bool)
	for _, pattern := range []string{NetnsDir + "/*", "/proc/[1-9]*/ns/net"} {
		paths, _ := filepath.Glob(pattern)
		for _, path := range paths {
			ref, err := Resolve(path)
			if err != nil || seen[ref.id] {
				continue
			}
			seen[ref.id] = true
			if match(ref) {
				return ref, nil
			}
		}
	}
	return Ref{}, &Error{Op: "find a network namespace", Err: ErrUnknownNetns}
}

// NameOf returns the name under /run/netns of the namespace, "" if it has none.
func NameOf(id ID) string {
	entries, _ := os.ReadDir(NetnsDir)
	for _, e := range entries {
		if got, err := pathID(filepath.Join(NetnsDir, e.Name())); err == nil && got == id {
			return e.Name()
		}
	}
	return ""
}
