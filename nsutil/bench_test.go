package nsutil

import (
	"os"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/ipvl/ipvl/nsutil/rtnl"
	"github.com/ipvl/ipvl/nsutil/sandbox"
)

// BenchmarkSnapshot reads a namespace with a million routes.
func BenchmarkSnapshot(b *testing.B) {
	benchRead(b, func() (int, error) {
		s, err := Snapshot(Ref{})
		return len(s.Routes), err
	})
}

// BenchmarkLoad does so without holding them as values.
func BenchmarkLoad(b *testing.B) {
	benchRead(b, func() (int, error) {
		s, err := Load(Ref{})
		if err != nil {
			return 0, err
		}
		return s.Set.Len(), nil
	})
}

// benchRead executes the benchmark again in a sandbox, whose lines are the
// result.
func benchRead(b *testing.B, read func() (int, error)) {
	if !sandbox.Inside() {
		cmd, err := sandbox.Command(sandbox.Options{}, "", "-test.run=^$", "-test.bench=^"+b.Name()+"$", "-test.benchtime=3x")
		if err != nil {
			b.Fatal(err)
		}
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		if err := sandbox.Run(cmd); err != nil {
			b.Fatal(err)
		}
		return
	}
	const routes = 1_000_000
	fillTable(b, routes)
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		n, err := read()
		if err != nil || n < routes {
			b.Fatalf("%d routes, %v", n, err)
		}
	}
}

// fillTable makes an interface, and n routes over it unless they are there.
func fillTable(b *testing.B, n int) {
	b.Helper()
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		b.Fatal(err)
	}
	defer h.Close()
	c, err := rtnl.Dial()
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	v := netlink.NewVeth(netlink.LinkAttrs{Name: "m0", TxQLen: -1})
	v.PeerName = "m1"
	if h.LinkAdd(v) != nil {
		return // a former run of the benchmark function
	}
	l, err := h.LinkByName("m0")
	if err != nil {
		b.Fatal(err)
	}
	a, err := netlink.ParseAddr("10.0.0.1/24")
	if err != nil {
		b.Fatal(err)
	}
	for _, err := range []error{h.LinkSetUp(l), h.AddrAdd(l, a), manyRoutes(c, l.Attrs().Index, n)} {
		if err != nil {
			b.Fatal(err)
		}
	}
}
