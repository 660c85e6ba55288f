package stack

import "github.com/ipvl/ipvl/stack/fib"

// Changed says which parts of the Mirror a call changed, and what it left out.
type Changed struct {
	Ifaces, Addrs, Routes, Rules, Neighs bool
	LeftOut                              fib.LeftOut
}

// Any reports whether anything changed: whether a new Table was published.
func (c Changed) Any() bool { return c.Ifaces || c.Addrs || c.Routes || c.Rules || c.Neighs }

// Mirror holds the default namespace's state: desired state in, what changed
// out. The zero value holds an empty namespace; it must not be copied.
type Mirror struct{}

// NewMirror returns a Mirror of an empty namespace.
func NewMirror() *Mirror { return &Mirror{} }

// Set makes s the state. It is idempotent: a snapshot equal to the last one
// publishes nothing. Entries that cannot be used are left out and counted in
// Changed.LeftOut. An error (*Error) means that s contradicts itself and that
// nothing has changed: take a new snapshot. s is not kept, but for its values.
func (m *Mirror) Set(s fib.Snapshot) (Changed, error) { return Changed{}, nil }

// Apply changes single routes between two snapshots.
func (m *Mirror) Apply(changes []fib.Change) Changed { return Changed{} }

// FIB is the state of now, never nil. It does not change any more.
func (m *Mirror) FIB() *fib.Table { return nil }
