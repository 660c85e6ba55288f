package conformance

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/ipvl/ipvl/nsutil/rtnl"
)

// state is what sentinels need to know of the world.
type state struct {
	mode, flag string
	masterUp   bool
	cut        bool // the master is up and has no carrier: nothing goes anywhere
	mac        string
	devices    []device
}

type device struct {
	name      string
	ns        string // where it is now
	there, up bool
	addrs     []string
}

// refresh reads the state of the world.
func (l *lab) refresh() error {
	all := map[string]map[string]rtnl.Link{}
	for name, s := range l.spaces {
		links, err := s.conn.Links()
		if err != nil {
			return err
		}
		all[name] = map[string]rtnl.Link{}
		for _, link := range links {
			all[name][link.Name] = link
		}
	}
	m := all["host"]["m0"]
	s := state{mode: l.state.mode, flag: l.state.flag, masterUp: m.Flags&unix.IFF_UP != 0, mac: m.Address.String()}
	s.cut = s.masterUp && m.Flags&unix.IFF_LOWER_UP == 0
	for _, name := range deviceNames {
		d := device{name: name, ns: "n" + name}
		for _, ns := range append([]string{"n" + name}, spaceNames...) {
			if dev, ok := all[ns]["v"+name]; ok && !d.there {
				d.ns, d.there, d.up = ns, true, dev.Flags&unix.IFF_UP != 0
				addrs, err := l.spaces[ns].addresses(dev.Index)
				if err != nil {
					return err
				}
				d.addrs = addrs
			}
		}
		s.devices = append(s.devices, d)
	}
	l.state = s
	return nil
}

// errTentative says that an address is not yet the interface's.
var errTentative = errors.New("an address stays tentative")

// addresses reads those of one interface, sorted.
func (s *space) addresses(index int) ([]string, error) {
	all, err := s.conn.Addrs()
	if errors.Is(err, rtnl.ErrInterrupted) {
		return s.addresses(index)
	}
	var some []string
	for _, a := range all {
		if a.Index == index && a.Flags&unix.IFA_F_TENTATIVE != 0 && a.Flags&unix.IFA_F_DADFAILED == 0 {
			return nil, errTentative
		}
		if a.Index == index {
			some = append(some, a.Prefix.Addr().String())
		}
	}
	slices.Sort(some)
	return some, err
}

// ask reads mode and flag from the engine.
func (l *lab) ask() {
	for _, d := range l.state.devices {
		info, err := l.details(d.ns, "v"+d.name)
		if err != nil {
			continue // deleted
		}
		l.state.mode, _ = info.Info.Data["mode"].(string)
		for _, flag := range []string{"bridge", "private", "vepa"} {
			if info.Info.Data[flag] == true {
				l.state.flag = flag
			}
		}
		return
	}
}

// linkInfo is what "ip -d -j link" says.
type linkInfo struct {
	Flags     []string `json:"flags"`
	MTU       int      `json:"mtu"`
	Address   string   `json:"address"`
	Operstate string   `json:"operstate"`
	Info      struct {
		Data map[string]any `json:"info_data"`
	} `json:"linkinfo"`
}

func parseLink(out []byte) (linkInfo, error) {
	var all []linkInfo
	if err := json.Unmarshal(out, &all); err != nil || len(all) != 1 {
		return linkInfo{}, fmt.Errorf("%w in %q", err, out)
	}
	// A device that has seen no event of its master yet is UNKNOWN, and UP in effect.
	state := map[string]string{"UNKNOWN": "UP", "LOWERLAYERDOWN": "DOWN"}
	all[0].Operstate = cmp.Or(state[all[0].Operstate], all[0].Operstate)
	return all[0], nil
}

// details asks the engine for mode and flag of a device.
func (l *lab) details(ns, dev string) (linkInfo, error) {
	out, err := output("host", append(slices.Clone(l.engine.program()), "-n", ns, "-d", "-j", "link", "show", "dev", dev)...)
	if err != nil {
		return linkInfo{}, err
	}
	return parseLink(out)
}

// link asks the engine for mode and flag, and ip(8) for the rest.
func (l *lab) link(ns, dev string) (linkInfo, error) {
	out, err := output(ns, "ip", "-d", "-j", "link", "show", "dev", dev)
	if err != nil {
		return linkInfo{}, err
	}
	info, err := parseLink(out)
	if err != nil {
		return info, err
	}
	own, err := l.details(ns, dev)
	info.Info = own.Info
	return info, err
}
