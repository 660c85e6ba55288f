package packet

import (
	"testing"

	"github.com/ipvl/ipvl/link/internal/nstest"
)

func TestMain(m *testing.M) { nstest.Main(m) }

// open opens a port in ns and closes it with the test.
func open(t testing.TB, ns *nstest.Namespace, o Options) *Port {
	t.Helper()
	var p *Port
	ns.Do(t, func() (err error) { p, err = Open(o); return err })
	t.Cleanup(func() { p.Close() })
	return p
}

// openAll opens a port for all frames.
func openAll(t testing.TB, ns *nstest.Namespace, index int) *Port {
	t.Helper()
	return open(t, ns, Options{Index: index, Filter: Filter{All: true}})
}

// fdOf is the port's descriptor, which must not be closed meanwhile.
func fdOf(p *Port) (fd uintptr) {
	p.file.Use(func(n int) { fd = uintptr(n) })
	return fd
}

// pair is two ports, at both ends of a veth pair.
func pair(t testing.TB) (ns *nstest.Namespace, near, far *Port) {
	t.Helper()
	ns = nstest.New(t)
	v, vp := ns.Veth(t, "v", ns, "vp")
	return ns, openAll(t, ns, v.Index), openAll(t, ns, vp.Index)
}

// serve runs Serve and returns a channel for its result.
func serve(p *Port, handle func([]byte)) <-chan error {
	done := make(chan error, 1)
	go func() { done <- p.Serve(handle) }()
	return done
}
