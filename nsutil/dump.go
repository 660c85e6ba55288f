package nsutil

import (
	"errors"
	"net"

	"github.com/ipvl/ipvl/nsutil/rtnl"
	"github.com/ipvl/ipvl/stack/fib"
)

// Snapshot reads the interfaces, addresses, routes (all tables and types,
// nexthop objects resolved), rules, and permanent neighbours of a namespace.
func Snapshot(ns Ref) (fib.Snapshot, error) { return fib.Snapshot{}, errors.ErrUnsupported }

// Links reads all interfaces of a namespace, with statistics.
func Links(ns Ref) ([]rtnl.Link, error) { return nil, errors.ErrUnsupported }

// Addrs reads all addresses of a namespace.
func Addrs(ns Ref) ([]rtnl.Addr, error) { return nil, errors.ErrUnsupported }

// Neighs reads the neighbour tables of a namespace.
func Neighs(ns Ref) ([]rtnl.Neigh, error) { return nil, errors.ErrUnsupported }

// Groups reads the multicast MAC addresses that an interface has joined.
func Groups(ns Ref, index int) ([]net.HardwareAddr, error) { return nil, errors.ErrUnsupported }
