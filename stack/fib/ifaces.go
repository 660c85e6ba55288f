package fib

import "math/bits"

// ifaces finds interfaces by their index, which every look-up does: a table
// with open addressing, at most half full. The kernel counts indexes up, so
// that they seldom meet. nil is empty.
type ifaces []*Iface

// newIfaces has room for n.
func newIfaces(n int) ifaces { return make(ifaces, 1<<bits.Len(uint(2*n))) }

// get is the interface with that index, nil for none.
func (t ifaces) get(index int) *Iface {
	if len(t) == 0 {
		return nil
	}
	for at := uint(index); ; at++ {
		i := t[at&uint(len(t)-1)]
		if i == nil || i.Index == index {
			return i
		}
	}
}

// add takes an interface whose index is not there.
func (t ifaces) add(i *Iface) {
	at := uint(i.Index)
	for t[at&uint(len(t)-1)] != nil {
		at++
	}
	t[at&uint(len(t)-1)] = i
}

// equal reports whether both hold the same.
func (t ifaces) equal(o ifaces) bool { return t.in(o) && o.in(t) }

// in reports whether o holds everything that t does.
func (t ifaces) in(o ifaces) bool {
	for _, i := range t {
		if i == nil {
			continue
		}
		if there := o.get(i.Index); there == nil || *there != *i {
			return false
		}
	}
	return true
}
