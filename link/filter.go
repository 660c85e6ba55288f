package link

// Filter says which group frames a device wants. Broadcast is always wanted,
// with an address or without one. The zero value wants nothing else.
type Filter struct {
	// All wants every group frame: IFF_PROMISC or IFF_ALLMULTI, or a stack
	// that filters by itself.
	All bool
	// Groups are the multicast MAC addresses that the stack joined. They are
	// compared exactly: the kernel's 256-bit hash lets others through.
	Groups []MAC
}

// filter is a Filter ready for look-up; nil is the zero Filter.
type filter struct {
	all    bool
	groups map[MAC]struct{}
}

func newFilter(f Filter) *filter {
	c := &filter{all: f.All, groups: make(map[MAC]struct{}, len(f.Groups))}
	for _, g := range f.Groups {
		c.groups[g] = struct{}{}
	}
	return c
}

func (f *filter) wants(dst MAC) bool {
	if dst == broadcastMAC {
		return true
	}
	if f == nil {
		return false
	}
	if f.all {
		return true
	}
	_, ok := f.groups[dst]
	return ok
}
