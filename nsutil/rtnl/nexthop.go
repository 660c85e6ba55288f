package rtnl

import (
	"golang.org/x/sys/unix"

	"github.com/ipvl/ipvl/stack/fib"
)

// sizeofNhmsg is struct nhmsg: family, scope, protocol, reserved, flags.
const sizeofNhmsg = 8

// NextHopObject is one nexthop object ("ip nexthop").
type NextHopObject struct {
	ID        uint32
	Blackhole bool
	Hop       fib.NextHop
	// Group are the members, where it is a group.
	Group []NextHopMember
}

// NextHopMember is one member of a group.
type NextHopMember struct {
	ID     uint32
	Weight int
}

// ParseNextHop reads the body of RTM_NEWNEXTHOP or RTM_DELNEXTHOP.
func ParseNextHop(data []byte) (NextHopObject, error) {
	if len(data) < sizeofNhmsg {
		return NextHopObject{}, ErrShort
	}
	var o NextHopObject
	var h hop
	h.setFlags(u32(data[4:]))
	as := after(data, sizeofNhmsg)
	for typ, b, ok := as.next(); ok; typ, b, ok = as.next() {
		switch typ {
		case unix.NHA_ID:
			o.ID = u32(b)
		case unix.NHA_BLACKHOLE:
			o.Blackhole = true
		case unix.NHA_OIF:
			h.Index = i32(b)
		case unix.NHA_GATEWAY:
			h.Via = address(b)
		case unix.NHA_GROUP:
			o.Group = members(b)
		}
	}
	if o.ID == 0 {
		return NextHopObject{}, ErrValue
	}
	o.Hop = fib.NextHop(h)
	return o, nil
}

// members reads NHA_GROUP: struct nexthop_grp, whose weight is one less than
// the share, and has its high byte apart (since Linux 6.12).
func members(b []byte) []NextHopMember {
	var ms []NextHopMember
	for ; len(b) >= 8; b = b[8:] {
		ms = append(ms, NextHopMember{ID: u32(b), Weight: int(b[4]) + int(b[5])<<8 + 1})
	}
	return ms
}

// NextHopObjects is all nexthop objects of a namespace by id.
type NextHopObjects map[uint32]NextHopObject

// Resolve gives r the hops of an object. A route of a blackhole object
// becomes a blackhole.
func (objects NextHopObjects) Resolve(r *fib.Route, id uint32) {
	o := objects[id]
	if len(o.Group) == 0 {
		objects.add(r, o, 0)
		return
	}
	for _, m := range o.Group { // a group's members are never groups
		objects.add(r, objects[m.ID], m.Weight)
	}
}

// add appends one hop; an id that is not there has none.
func (objects NextHopObjects) add(r *fib.Route, o NextHopObject, weight int) {
	switch {
	case o.ID == 0:
	case o.Blackhole:
		r.Type = fib.Blackhole
	default:
		h := o.Hop
		h.Weight = weight
		r.NextHops = append(r.NextHops, h)
	}
}
