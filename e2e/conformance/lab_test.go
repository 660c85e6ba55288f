package conformance

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipvl/ipvl/nsutil"
	"github.com/ipvl/ipvl/nsutil/rtnl"
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
	engine  engine
	state   state
	sockets []*socket
	index   map[string]int // interface indexes by port
	seq     int
	told    map[string]bool // ARP and ND requests already seen in this world
	fresher bool            // the world is this case's own: what stacks ask for is told
	events  []event
	closed  map[string]bool // ways that sentinels got lost on, since the last command
	asked   bool            // a request was answered since the last look
	// expectLost says that sentinels were lost here before, in the record.
	expectLost bool
	buf        []byte
}

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
	there, up bool
	addrs     []string
}

// newLab makes the namespaces, which stay as long as the process's mounts.
func newLab() (*lab, error) {
	for _, ns := range []string{"host", "lan", "na", "nb", "nc"} {
		if _, err := output("", "ip", "netns", "add", ns); err != nil {
			return nil, err
		}
		if err := in(ns, quiet); err != nil {
			return nil, err
		}
		if _, err := output(ns, "ip", "link", "set", "lo", "up"); err != nil {
			return nil, err
		}
	}
	return &lab{buf: make([]byte, 1<<16)}, nil
}

// quiet keeps a namespace from saying anything by itself.
func quiet() error {
	for name, value := range map[string]string{
		"ipv4/icmp_ratelimit": "0", "ipv6/icmp/ratelimit": "0", "ipv4/icmp_echo_ignore_broadcasts": "0",
		"ipv6/conf/default/accept_ra": "0", "ipv6/conf/default/router_solicitations": "0",
		"ipv6/conf/default/dad_transmits": "0", "ipv6/conf/default/accept_dad": "0",
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
	l.told = map[string]bool{}
	l.events = nil
	if err := l.engine.clear(l); err != nil {
		return err
	}
	if err := batch("host", hostSetup); err != nil {
		return err
	}
	if err := batch("lan", "link set p0 arp off up\nlink set o1 arp off up\n"); err != nil {
		return err
	}
	for i, name := range deviceNames {
		if _, err := l.ipvlan("add", name, "mode", w.mode, w.flag); err != nil {
			return err
		}
		if err := batch("n"+name, deviceSetup(w.mode, name, i)); err != nil {
			return err
		}
	}
	if err := l.open(); err != nil {
		return err
	}
	l.state.mode, l.state.flag = w.mode, w.flag
	if err := l.changed(); err != nil {
		return err
	}
	_, err := l.observe(nil)
	return err
}

var hostSetup = roles(`link add m0 address MM type veth peer name p0 address PM netns lan
link add o0 address OM type veth peer name o1 netns lan
link set m0 up
link set o0 up
addr add H4/24 dev m0
addr add H6/64 dev m0
addr add O4/24 dev o0
addr add O6/64 dev o0
neigh add P4 lladdr PM dev m0 nud permanent
neigh add P6 lladdr PM dev m0 nud permanent
neigh add PL lladdr PM dev m0 nud permanent
neigh add A4 lladdr MM dev m0 nud permanent
neigh add A6 lladdr MM dev m0 nud permanent
neigh add B4 lladdr MM dev m0 nud permanent
neigh add B6 lladdr MM dev m0 nud permanent
neigh add C4 lladdr MM dev m0 nud permanent
neigh add C6 lladdr MM dev m0 nud permanent
`)

func deviceSetup(mode, name string, i int) string {
	upper := strings.ToUpper(name)
	s := fmt.Sprintf("link set dev v%s up\naddr add %s4/24 dev v%s\naddr add %s6/64 dev v%s\n", name, upper, name, upper, name)
	if mode == "l2" {
		for _, other := range []string{"P4 lladdr PM", "P6 lladdr PM", "PL lladdr PM", "A4 lladdr MM", "A6 lladdr MM", "B4 lladdr MM", "B6 lladdr MM", "C4 lladdr MM", "C6 lladdr MM"} {
			if !strings.HasPrefix(other, upper) {
				s += "neigh add " + other + " dev v" + name + " nud permanent\n"
			}
		}
	}
	return roles(s)
}

// roles puts addresses where a script has roles.
func roles(s string) string {
	words := strings.Split(strings.ReplaceAll(s, "\n", " \n "), " ")
	for i, w := range words {
		a, prefix, ok := strings.Cut(w, "/")
		if v := addrs[a] + macs[a]; v != "" && len(a) == 2 {
			words[i] = v
			if ok {
				words[i] += "/" + prefix
			}
		}
	}
	return strings.Join(words, " ")
}

// batch runs ip(8) commands in a namespace.
func batch(ns, script string) error {
	f, err := os.CreateTemp("/run", "batch")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if _, err := f.WriteString(script); err != nil {
		return err
	}
	f.Close()
	_, err = output(ns, "ip", "-batch", f.Name())
	return err
}

// ipvlan runs one of the engine's own commands: add, set, del.
func (l *lab) ipvlan(verb, name string, words ...string) ([]byte, error) {
	argv := slices.Clone(l.engine.program())
	switch verb {
	case "add":
		argv = append(argv, "link", "add", "link", "m0", "name", "v"+name, "netns", "n"+name, "type", "ipvlan")
	case "set":
		argv = append(argv, "-n", "n"+name, "link", "set", "dev", "v"+name, "type", "ipvlan")
	case "del":
		argv = append(argv, "-n", "n"+name, "link", "del", "dev", "v"+name)
	}
	return output("host", append(argv, words...)...)
}

// linkInfo is what "ip -d -j link" says.
type linkInfo struct {
	Index     int      `json:"ifindex"`
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
	all[0].Operstate = or(state[all[0].Operstate], all[0].Operstate)
	return all[0], nil
}

// device asks the engine for mode and flag, and ip(8) for the rest.
func (l *lab) link(name string) (linkInfo, error) {
	out, err := output("n"+name, "ip", "-d", "-j", "link", "show", "dev", "v"+name)
	if err != nil {
		return linkInfo{}, err
	}
	info, err := parseLink(out)
	if err != nil {
		return info, err
	}
	out, err = output("host", append(slices.Clone(l.engine.program()), "-n", "n"+name, "-d", "-j", "link", "show", "dev", "v"+name)...)
	if err != nil {
		return info, err
	}
	own, err := parseLink(out)
	info.Info = own.Info
	return info, err
}

// refresh reads the state of the world.
func (l *lab) refresh() error {
	host, err := links("host")
	if err != nil {
		return err
	}
	m := host["m0"]
	s := state{mode: l.state.mode, flag: l.state.flag, masterUp: m.Flags&unix.IFF_UP != 0, mac: m.Address.String()}
	s.cut = s.masterUp && m.Flags&unix.IFF_LOWER_UP == 0
	for _, name := range deviceNames {
		all, err := links("n" + name)
		if err != nil {
			return err
		}
		dev, there := all["v"+name]
		d := device{name: name, there: there, up: dev.Flags&unix.IFF_UP != 0}
		if d.addrs, err = addresses("n"+name, dev.Index); err != nil {
			return err
		}
		s.devices = append(s.devices, d)
	}
	l.state = s
	return nil
}

// ask reads mode and flag from the engine.
func (l *lab) ask() {
	for _, d := range l.state.devices {
		info, err := l.link(d.name)
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

// links reads the interfaces of a namespace.
func links(ns string) (map[string]rtnl.Link, error) {
	ref, err := nsutil.Resolve(ns)
	if err != nil {
		return nil, err
	}
	all, err := nsutil.Links(ref)
	byName := map[string]rtnl.Link{}
	for _, link := range all {
		byName[link.Name] = link
	}
	return byName, err
}

// errTentative says that an address is not yet the interface's.
var errTentative = errors.New("an address stays tentative")

// addresses reads those of one interface, sorted.
func addresses(ns string, index int) ([]string, error) {
	ref, err := nsutil.Resolve(ns)
	if err != nil {
		return nil, err
	}
	all, err := nsutil.Addrs(ref)
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
