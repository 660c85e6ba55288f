package appliance

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/ipvl/ipvl/cmd/internal/api"
	"github.com/ipvl/ipvl/nsutil"
	"github.com/ipvl/ipvl/nsutil/rtnl"
	"golang.org/x/sys/unix"
)

// scope is the namespace that a command speaks of.
type scope struct {
	ns   nsutil.Ref
	nsid int // as the Watcher reports it; -1 is the appliance's own
}

func (s scope) own() bool { return s.nsid == -1 }

// resolve finds the namespace of a command: that of -n, or the caller's.
func (a *Appliance) resolve(op string, c api.Caller, spec string) (scope, error) {
	if spec == "" {
		spec = strconv.Itoa(c.PID)
	}
	return a.lookUp(op, spec)
}

func (a *Appliance) lookUp(op, spec string) (scope, error) {
	ns, err := nsutil.Resolve(spec)
	if err != nil {
		return scope{}, failed(op, err)
	}
	if nsutil.Same(ns, a.self) {
		return scope{nsid: -1}, nil
	}
	nsid, err := nsutil.NSID(ns)
	if err != nil {
		return scope{}, failed(op, err)
	}
	return scope{ns: ns, nsid: nsid}, nil
}

// badNetns says it as ip(8) does where the word "netns" names no namespace.
func badNetns(spec string, err error) error {
	var refused *api.Error
	if spec == "" || !errors.As(err, &refused) || refused.Errno != int(unix.ENOENT) {
		return err
	}
	return &api.Error{Op: refused.Op, Errno: refused.Errno, Msg: fmt.Sprintf(api.BadNetns, spec), Err: err}
}

// find returns the interface of that name in a namespace.
func find(op string, s scope, name string) (rtnl.Link, []rtnl.Link, error) {
	links, err := nsutil.Links(s.ns)
	if err != nil {
		return rtnl.Link{}, nil, failed(op, err)
	}
	i := slices.IndexFunc(links, func(l rtnl.Link) bool { return l.Name == name })
	if i < 0 {
		return rtnl.Link{}, links, refuse(op, unix.ENODEV, "Cannot find device %q", name)
	}
	return links[i], links, nil
}

// theDevice finds one of ours by its name in a namespace.
//
// +checklocks:a.mu
func (a *Appliance) theDevice(op string, s scope, name string) (*device, error) {
	l, _, err := find(op, s, name)
	if err != nil {
		return nil, err
	}
	d := a.devices[place{s.nsid, l.Index}]
	if d == nil {
		return nil, refuse(op, unix.EOPNOTSUPP, "%q is not an ipvlan device of this appliance: use ip(8) for it", name)
	}
	return d, nil
}
