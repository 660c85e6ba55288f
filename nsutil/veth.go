package nsutil

import "errors"

// Veth is an Interface that is one end of a veth pair; our end is in the
// namespace of the process, silenced, and served by a packet socket.
type Veth struct {
	Interface
	reason error
}

// CreateVeth makes a veth pair and moves the workload's end to o.Netns. It is down.
func CreateVeth(o Options) (*Veth, error) {
	return nil, &Error{Op: "create veth", Name: o.Name, Err: errors.ErrUnsupported}
}
