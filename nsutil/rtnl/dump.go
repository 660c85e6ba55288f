package rtnl

import (
	"errors"

	"golang.org/x/sys/unix"

	"github.com/ipvl/ipvl/stack/fib"
)

// Every method below reads all of one kind. What a parser refuses is left out.
// ErrInterrupted comes with a result.

// Links reads the interfaces, with statistics.
func (c *Conn) Links() ([]Link, error) {
	return collect(c, unix.RTM_GETLINK, LinkHeader(0, 0, 0).Bytes(), ParseLink)
}

// Link reads one interface, by index or, where index is 0, by name.
func (c *Conn) Link(index int, name string) (Link, error) {
	body := LinkHeader(index, 0, 0)
	if index == 0 {
		body.String(unix.IFLA_IFNAME, name)
	}
	var l Link
	err := c.Get(unix.RTM_GETLINK, body.Bytes(), func(m Message) (err error) {
		l, err = ParseLink(m.Data)
		return err
	})
	return l, err
}

// Addrs reads the addresses, IPv4 first.
func (c *Conn) Addrs() ([]Addr, error) {
	return collect(c, unix.RTM_GETADDR, FamilyHeader(unix.AF_UNSPEC, unix.SizeofIfAddrmsg).Bytes(), ParseAddr)
}

// Neighs reads the neighbours of both families.
func (c *Conn) Neighs() ([]Neigh, error) {
	return collect(c, unix.RTM_GETNEIGH, FamilyHeader(unix.AF_UNSPEC, unix.SizeofNdMsg).Bytes(), ParseNeigh)
}

// Rules reads the policy rules of a family (AF_INET, AF_INET6).
func (c *Conn) Rules(family uint8) ([]fib.Rule, error) {
	return collect(c, unix.RTM_GETRULE, FamilyHeader(family, sizeofFibRuleHdr).Bytes(), ParseRule)
}

// Pending is a route, by its place in a list, whose hops only a nexthop
// object tells.
type Pending struct {
	Index int
	NHID  uint32
}

// AppendRoutes reads the routes of all tables of a family (AF_INET, AF_INET6)
// and appends them to list. A table may hold a million: see EachRoute.
func (c *Conn) AppendRoutes(list []fib.Route, family uint8) ([]fib.Route, []Pending, error) {
	var pending []Pending
	err := c.eachRoute(RouteParser{}, family, func(r *Route) {
		if r.Pending() {
			pending = append(pending, Pending{Index: len(list), NHID: r.NHID})
		}
		list = append(list, r.Route)
	})
	return list, pending, err
}

// EachRoute reads the routes of all tables of a family (AF_INET, AF_INET6) and
// calls fn with each. The route and its hops are borrowed for the call.
func (c *Conn) EachRoute(family uint8, fn func(*Route)) error {
	return c.eachRoute(RouteParser{Reuse: true}, family, fn)
}

func (c *Conn) eachRoute(p RouteParser, family uint8, fn func(*Route)) error {
	var r Route
	return c.Dump(unix.RTM_GETROUTE, FamilyHeader(family, unix.SizeofRtMsg).Bytes(), func(m Message) (err error) {
		if r, err = p.Parse(m.Data); err == nil {
			fn(&r)
		}
		return nil
	})
}

// NextHops reads the nexthop objects.
func (c *Conn) NextHops() (NextHopObjects, error) {
	list, err := collect(c, unix.RTM_GETNEXTHOP, FamilyHeader(unix.AF_UNSPEC, sizeofNhmsg).Bytes(), ParseNextHop)
	objects := make(NextHopObjects, len(list))
	for _, o := range list {
		objects[o.ID] = o
	}
	return objects, err
}

// collect dumps with a parser.
func collect[T any](c *Conn, typ uint16, body []byte, parse func([]byte) (T, error)) ([]T, error) {
	var list []T
	err := c.Dump(typ, body, func(m Message) error {
		if v, err := parse(m.Data); err == nil {
			list = append(list, v)
		}
		return nil
	})
	return list, err
}

// NSID returns the id that c's namespace has for the one that fd refers to;
// -1 where it has none.
func (c *Conn) NSID(fd int) (int, error) {
	id := -1
	body := FamilyHeader(unix.AF_UNSPEC, sizeofRtgenmsg).Uint32(unix.NETNSA_FD, uint32(fd))
	err := c.Get(unix.RTM_GETNSID, body.Bytes(), func(m Message) (err error) {
		id, err = ParseNSID(m.Data)
		return err
	})
	return id, err
}

// AssignNSID is NSID, but gives the namespace an id if it has none.
func (c *Conn) AssignNSID(fd int) (int, error) {
	id, err := c.NSID(fd)
	if err != nil || id >= 0 {
		return id, err
	}
	body := FamilyHeader(unix.AF_UNSPEC, sizeofRtgenmsg).
		Uint32(unix.NETNSA_FD, uint32(fd)).Uint32(unix.NETNSA_NSID, ^uint32(0))
	// EEXIST: somebody else gave it one meanwhile.
	if err := c.Do(unix.RTM_NEWNSID, 0, body.Bytes()); err != nil && !errors.Is(err, unix.EEXIST) {
		return -1, err
	}
	return c.NSID(fd)
}
