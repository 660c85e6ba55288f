package stack

import (
	"sync"
	"sync/atomic"

	"github.com/ipvl/ipvl/stack/fib"
)

// Changed says which parts of the Mirror a call changed, and what it left out.
type Changed struct {
	Ifaces, Addrs, Routes, Rules, Neighs bool
	LeftOut                              fib.LeftOut
}

// Any reports whether anything changed: whether a new Table was published.
func (c Changed) Any() bool { return c.Ifaces || c.Addrs || c.Routes || c.Rules || c.Neighs }

// Mirror holds the default namespace's state: desired state in, what changed
// out. Any number of goroutines may use it; those that read never wait. The
// zero value holds an empty namespace; it must not be copied.
type Mirror struct {
	cur atomic.Pointer[fib.Table]

	// mu serialises those that write. It is held while a snapshot is
	// compiled, and not while watchers are called.
	mu sync.Mutex
	// +checklocks:mu
	watchers map[int]func()
	// +checklocks:mu
	nextID int
}

// NewMirror returns a Mirror of an empty namespace.
func NewMirror() *Mirror { return &Mirror{} }

// Set makes s the state. It is idempotent: a snapshot equal to the last one
// publishes nothing. Entries that cannot be used are left out and counted in
// Changed.LeftOut. An error (*Error) means that s contradicts itself and that
// nothing has changed: take a new snapshot. s is not kept.
func (m *Mirror) Set(s fib.Snapshot) (Changed, error) {
	m.mu.Lock()
	next, out, err := fib.Compile(s)
	if err != nil {
		m.mu.Unlock()
		return Changed{LeftOut: out}, &Error{Op: "set snapshot", Err: err}
	}
	old := m.FIB()
	c := Changed{
		Ifaces:  !next.EqualIfaces(old),
		Addrs:   !next.EqualAddrs(old),
		Routes:  !next.EqualRoutes(old),
		Rules:   !next.EqualRules(old),
		Neighs:  !next.EqualNeighs(old),
		LeftOut: out,
	}
	m.publishAndUnlock(next, c)
	return c, nil
}

// Apply changes single routes between two snapshots. The order of calls is
// the order of changes.
func (m *Mirror) Apply(changes []fib.Change) Changed {
	m.mu.Lock()
	old := m.FIB()
	next, out := old.Apply(changes)
	c := Changed{Routes: next != old, LeftOut: out}
	m.publishAndUnlock(next, c)
	return c
}

// publishAndUnlock makes next the state if c says that it is another one,
// and tells the watchers, without the lock: they read the state themselves,
// so that it does not matter in which order two calls reach them.
//
// +checklocksrelease:m.mu
func (m *Mirror) publishAndUnlock(next *fib.Table, c Changed) {
	var tell []func()
	if c.Any() {
		m.cur.Store(next)
		for _, f := range m.watchers {
			tell = append(tell, f)
		}
	}
	m.mu.Unlock()
	for _, f := range tell {
		f()
	}
}

// FIB is the state of now, never nil. It does not change any more.
func (m *Mirror) FIB() *fib.Table {
	if t := m.cur.Load(); t != nil {
		return t
	}
	return new(fib.Table)
}

// Watch has changed called after each publication, by the goroutine that
// published, until stop is called; one call may stand for several
// publications seen at once.
func (m *Mirror) Watch(changed func()) (stop func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	id := m.nextID
	m.nextID++
	if m.watchers == nil {
		m.watchers = make(map[int]func())
	}
	m.watchers[id] = changed
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.watchers, id)
	}
}
