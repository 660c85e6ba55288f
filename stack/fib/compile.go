package fib

// LeftOut counts the entries of a Snapshot that could not be used.
type LeftOut struct {
	Routes, Rules, Addrs, Neighs int
	// First describes one of them; nil if there is none.
	First error
}

// Total is the number of entries left out.
func (l LeftOut) Total() int { return l.Routes + l.Rules + l.Addrs + l.Neighs }

// Compile makes a Table of s. Entries that cannot be used (an invalid prefix,
// a hop through an interface that s does not have) are counted and left out;
// the rest is in force. Only a contradiction makes it fail: two interfaces
// with one index or one name (*Error). s is not kept.
func Compile(s Snapshot) (*Table, LeftOut, error) { return &Table{}, LeftOut{}, nil }
