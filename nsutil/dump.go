package nsutil

import (
	"errors"

	"golang.org/x/sys/unix"

	"github.com/ipvl/ipvl/nsutil/rtnl"
	"github.com/ipvl/ipvl/stack/fib"
)

// dumpTries is how often a dump that was interrupted by a change is repeated.
// After that its last result is as good as any: the change that spoiled it comes
// as an event too, and the next dump follows.
const dumpTries = 4

// steady repeats a dump until nothing changed during it.
func steady[T any](dump func() (T, error)) (v T, err error) {
	for range dumpTries {
		if v, err = dump(); !errors.Is(err, rtnl.ErrInterrupted) {
			return v, err
		}
	}
	return v, nil
}

// read runs one dump in a namespace.
func read[T any](op string, ns Ref, dump func(*rtnl.Conn) (T, error)) (v T, err error) {
	err = ns.Do(func() error {
		c, err := rtnl.Dial()
		if err != nil {
			return err
		}
		defer c.Close()
		v, err = steady(func() (T, error) { return dump(c) })
		return err
	})
	return v, wrap(op, ns.spec, err)
}

// Links reads all interfaces of a namespace, with statistics.
func Links(ns Ref) ([]rtnl.Link, error) {
	return read("read the links of", ns, (*rtnl.Conn).Links)
}

// Addrs reads all addresses of a namespace.
func Addrs(ns Ref) ([]rtnl.Addr, error) {
	return read("read the addresses of", ns, (*rtnl.Conn).Addrs)
}

// Neighs reads the neighbour tables of a namespace.
func Neighs(ns Ref) ([]rtnl.Neigh, error) {
	return read("read the neighbours of", ns, (*rtnl.Conn).Neighs)
}

// Snapshot reads the interfaces, addresses, routes (all tables and types,
// nexthop objects resolved), rules, and permanent neighbours of a namespace.
// Each kind is read at one moment, one kind after the other: a change
// meanwhile comes as an event, upon which to read again.
func Snapshot(ns Ref) (fib.Snapshot, error) { return snapshot(ns, listRoutes) }

// Load is Snapshot for a namespace that may have a million routes: they are in
// the Snapshot's Set, as they were read, and Routes is empty.
func Load(ns Ref) (fib.Snapshot, error) { return snapshot(ns, loadRoutes) }

// snapshot reads all but the routes, which routes reads.
func snapshot(ns Ref, routes func(*rtnl.Conn, *fib.Snapshot) error) (s fib.Snapshot, err error) {
	err = ns.Do(func() error {
		c, err := rtnl.Dial()
		if err != nil {
			return err
		}
		defer c.Close()
		for _, read := range []func(*rtnl.Conn, *fib.Snapshot) error{links, addrsAndNeighs, routes, rules} {
			if err := read(c, &s); err != nil {
				return err
			}
		}
		return nil
	})
	return s, wrap("read the state of", ns.spec, err)
}

func links(c *rtnl.Conn, s *fib.Snapshot) error {
	all, err := steady(c.Links)
	for _, l := range all {
		s.Ifaces = append(s.Ifaces, fibIface(l))
	}
	return err
}

func addrsAndNeighs(c *rtnl.Conn, s *fib.Snapshot) error {
	addrs, err := steady(c.Addrs)
	if err != nil {
		return err
	}
	neighs, err := steady(c.Neighs)
	for _, a := range addrs {
		s.Addrs = append(s.Addrs, fibAddr(a))
	}
	for _, n := range neighs {
		if binding(n) {
			s.Neighs = append(s.Neighs, fib.Neigh{Index: n.Index, Dst: n.Dst, MAC: [6]byte(n.LLAddr)})
		}
	}
	return err
}

// families are those that have routes and rules. A kernel without IPv6 has
// none of its.
var families = [...]uint8{unix.AF_INET, unix.AF_INET6}

func rules(c *rtnl.Conn, s *fib.Snapshot) error {
	for _, family := range families {
		all, err := steady(func() ([]fib.Rule, error) { return c.Rules(family) })
		if err != nil && !unsupported(err) {
			return err
		}
		s.Rules = append(s.Rules, all...)
	}
	return nil
}

func listRoutes(c *rtnl.Conn, s *fib.Snapshot) error {
	for _, family := range families {
		before := s.Routes
		pending, err := steady(func() (pending []rtnl.Pending, err error) {
			s.Routes, pending, err = c.AppendRoutes(before, family)
			return pending, err
		})
		if err != nil && !unsupported(err) {
			return err
		}
		if err := resolveNextHops(c, s.Routes, pending); err != nil {
			return err
		}
	}
	return nil
}

// loadRoutes knows the nexthop objects before it reads the routes: of one that
// is made meanwhile an event tells.
func loadRoutes(c *rtnl.Conn, s *fib.Snapshot) error {
	objects, err := steady(c.NextHops)
	if err != nil && !unsupported(err) {
		return err
	}
	s.Set, err = steady(func() (*fib.RouteSet, error) {
		set, interrupted := new(fib.RouteSet), error(nil)
		for _, family := range families {
			err := c.EachRoute(family, func(r *rtnl.Route) {
				if r.Pending() {
					objects.Resolve(&r.Route, r.NHID)
				}
				set.Add(&r.Route)
			})
			switch {
			case errors.Is(err, rtnl.ErrInterrupted):
				interrupted = err
			case err != nil && !unsupported(err):
				return nil, err
			}
		}
		return set, interrupted
	})
	return err
}

// resolveNextHops reads the nexthop objects, if a route needs them.
func resolveNextHops(c *rtnl.Conn, routes []fib.Route, pending []rtnl.Pending) error {
	if len(pending) == 0 {
		return nil
	}
	objects, err := steady(c.NextHops)
	for _, p := range pending {
		objects.Resolve(&routes[p.Index], p.NHID)
	}
	return err
}

// unsupported tells that the kernel was built without something.
func unsupported(err error) bool {
	return errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EAFNOSUPPORT)
}
