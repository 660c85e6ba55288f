package conformance

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long anything that has to happen may take.
const patience = 10 * time.Second

var deviceNames = []string{"a", "b", "c"}

// lab is the topology, and what is known of its state:
//
//	lan            host                      na, nb, nc
//	p0 (PM) ────── m0 (MM) H4 H6, master ──  va A4 A6 │ vb B4 B6 │ vc C4 C6
//	o1      ────── o0 O4 O6                  va has joined 239.1.1.1 and ff05::101
//
// p0 has no stack: the runner plays the hosts on the wire.
type lab struct {
	engine      engine
	spaces      map[string]*space
	state       state
	sockets     []*socket
	index       map[string]int    // interface indexes by port
	spaceOf     map[string]string // the namespace that a device's socket is in
	seq         int
	marks       int               // that the appliance was shown
	hostChanged bool              // since the last of them
	rounds      int               // of sentinels
	last        map[string][]byte // the last frame that came to a port, not the sentinels
	rules       map[string][]rule // that the case has set, by table and chain
	counted     []string          // the devices whose counters are told
	requests    map[string]bool   // ARP and ND requests already seen in this world
	monitors    map[string]*monitor
	calls       int  // to monitors, so that what they say is known to be all
	fresher     bool // the world is this case's own: what stacks ask for is told
	events      []event
	closed      map[string]bool // ways that sentinels got lost on, since the last command
	asked       bool            // a request was answered since the last look
	// expectLost says that sentinels were lost here before, in the record.
	expectLost bool
	buf        []byte
}

// newLab makes the namespaces, which stay as long as the process's mounts.
func newLab() (*lab, error) {
	l := &lab{buf: make([]byte, 1<<16), spaces: map[string]*space{}, monitors: map[string]*monitor{}}
	for _, name := range spaceNames {
		s, err := newSpace(name)
		if err != nil {
			return nil, err
		}
		l.spaces[name] = s
	}
	return l, in("lan", func() error { return sysctl("ipv6/conf/default/disable_ipv6", "1") })
}

// quiet keeps a namespace from saying anything by itself.
func quiet() error {
	for name, value := range map[string]string{
		"ipv4/icmp_ratelimit": "0", "ipv4/icmp_ratemask": "0", "ipv6/icmp/ratemask": "255", "ipv6/icmp/ratelimit": "0", "ipv4/icmp_echo_ignore_broadcasts": "0",
		"ipv6/conf/default/accept_ra": "0", "ipv6/conf/default/router_solicitations": "0",
		"ipv6/conf/default/dad_transmits": "0", "ipv6/conf/default/accept_dad": "0",
		"ipv6/conf/default/mldv2_unsolicited_report_interval": "1", "ipv4/conf/default/igmpv3_unsolicited_report_interval": "1", // reports of groups come at once
	} {
		if err := os.WriteFile(filepath.Join("/proc/sys/net", name), []byte(value), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// fresh builds a world anew.
func (l *lab) fresh(w world) error {
	l.closeSockets()
	l.requests = map[string]bool{}
	l.events, l.counted, l.last, l.rules = nil, nil, map[string][]byte{}, map[string][]rule{}
	if err := l.engine.clear(l); err != nil {
		return err
	}
	if err := l.buildHost(); err != nil {
		return err
	}
	for _, name := range deviceNames {
		if err := l.engine.add(l, name, w); err != nil {
			return err
		}
		if err := l.buildDevice(w, name); err != nil {
			return err
		}
	}
	if err := l.open(); err != nil {
		return err
	}
	l.state.mode, l.state.flag, l.hostChanged = w.mode, w.flag, true
	if err := l.changed(); err != nil {
		return err
	}
	if _, err := l.observe(nil); err != nil {
		return err
	}
	for _, s := range l.spaces {
		if _, err := s.readNews(""); err != nil {
			return err
		}
	}
	return nil
}

// buildHost makes the two wires and what the host has on them.
func (l *lab) buildHost() error {
	host, lan := l.spaces["host"], l.spaces["lan"]
	err := errors.Join(
		host.addVeth("m0", "MM", lan, "p0", "PM"), host.addVeth("o0", "OM", lan, "o1", ""),
		host.setLink("m0", unix.IFF_UP, unix.IFF_UP), host.setLink("o0", unix.IFF_UP, unix.IFF_UP),
		host.addAddr("m0", "H4/24"), host.addAddr("m0", "H6/64"), host.addAddr("o0", "O4/24"), host.addAddr("o0", "O6/64"),
		lan.setLink("p0", unix.IFF_UP|unix.IFF_NOARP, unix.IFF_UP|unix.IFF_NOARP),
		lan.setLink("o1", unix.IFF_UP|unix.IFF_NOARP, unix.IFF_UP|unix.IFF_NOARP))
	if err != nil {
		return err
	}
	return host.addNeighs("m0", "")
}

// buildDevice brings a device up, with its addresses.
func (l *lab) buildDevice(w world, name string) error {
	s, dev, upper := l.spaces["n"+name], "v"+name, strings.ToUpper(name)
	err := errors.Join(s.setLink(dev, unix.IFF_UP, unix.IFF_UP), s.addAddr(dev, upper+"4/24"), s.addAddr(dev, upper+"6/64"))
	if err == nil && w.mode == "l2" {
		err = s.addNeighs(dev, upper)
	}
	return err
}

// addNeighs gives an interface permanent neighbours: the peer on the wire, and
// all devices but the one that it is itself.
func (s *space) addNeighs(dev, self string) error {
	i, err := s.index(dev)
	if err != nil {
		return err
	}
	for _, n := range []string{"P4 PM", "P6 PM", "PL PM", "A4 MM", "A6 MM", "B4 MM", "B6 MM", "C4 MM", "C6 MM"} {
		address, mac, _ := strings.Cut(n, " ")
		if address[:1] == self {
			continue
		}
		if err := s.addNeigh(i, address, mustMAC(macs[mac])); err != nil {
			return err
		}
	}
	return nil
}

// ipvlan runs one of the engine's own commands on a device: add, set, del.
func (l *lab) ipvlan(verb, name string, words ...string) ([]byte, error) {
	argv := slices.Clone(l.engine.program())
	switch verb {
	case "add":
		argv = append(argv, "link", "add", "link", "m0", "name", "v"+name, "netns", "n"+name, "type", "ipvlan")
	case "set":
		argv = append(argv, "-n", l.where(name), "link", "set", "dev", "v"+name, "type", "ipvlan")
	case "del":
		argv = append(argv, "-n", l.where(name), "link", "del", "dev", "v"+name)
	default:
		return nil, fmt.Errorf("ipvlan %s: there are add, set and del", verb)
	}
	return output("host", append(argv, words...)...)
}

// where is the namespace that a device is in.
func (l *lab) where(name string) string {
	for _, d := range l.state.devices {
		if d.name == name && d.there {
			return d.ns
		}
	}
	return "n" + name
}

// changed is called after every command: it waits for the engine and looks
// at the world again.
func (l *lab) changed() error {
	l.closed = map[string]bool{}
	for start := time.Now(); ; {
		err := l.refresh()
		if err == nil {
			break
		}
		if !errors.Is(err, errTentative) || time.Since(start) > patience {
			return err
		}
	}
	if err := l.engine.settle(l); err != nil {
		l.events = append(l.events, event{socket: &socket{port: "unsettled: " + err.Error()}})
	}
	return l.reopen()
}

// roles puts addresses where a command has roles.
func roles(words []string) []string {
	out := slices.Clone(words)
	for i, w := range words {
		if len(w) < 2 || len(w) > 2 && w[2] != '/' && w[2] != ':' {
			continue
		}
		if v := cmp.Or(addrs[w[:2]], macs[w[:2]]); v != "" {
			out[i] = v + w[2:]
		}
	}
	return out
}
