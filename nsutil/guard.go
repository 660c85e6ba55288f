package nsutil

import (
	"errors"
	"maps"
	"net/netip"
	"slices"
	"sync"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"

	"github.com/ipvl/ipvl/nsutil/rtnl"
)

// HostGuard keeps the host's stack from acting upon frames that belong to the
// devices of one master: an nftables table of family netdev whose ingress
// chain on the master drops what is addressed to them. Packet sockets see a
// frame before that. An address that the master has too is the device's (row A-12).
//
// The zero value guards nothing until Ensure. Methods can be called by any
// goroutine that is in the master's namespace.
type HostGuard struct {
	mu sync.Mutex
	// +checklocks:mu
	ifname string // "": not installed
	// +checklocks:mu
	hold *hold
	// have is what the kernel's sets hold.
	// +checklocks:mu
	have map[netip.Addr]bool
	// +checklocks:mu
	rules guardRules
}

// Ensure installs the guard on the master, without addresses. It replaces what
// a killed run left there; ErrHeld says that a living process guards that
// master. Where it is installed already it only looks whether an administrator
// flushed it away, and if so brings it back with its addresses. On recent
// kernels a chain goes by the name: after the master was renamed, call it with
// the new one, and set the addresses again.
func (g *HostGuard) Ensure(ifname string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ifname == ifname {
		return wrap("guard the host on", ifname, g.mend())
	}
	if err := g.remove(); err != nil {
		return err
	}
	// Recent kernels (6.18 does) take a chain for an interface that does not exist.
	if err := exists(ifname); err != nil {
		return wrap("guard the host on", ifname, err)
	}
	h, err := claim(tablePrefix + ifname)
	if err == nil {
		err = install(ifname, g.rules, nil)
	}
	if err != nil {
		h.release()
		return wrap("guard the host on", ifname, err)
	}
	g.ifname, g.hold, g.have = ifname, h, make(map[netip.Addr]bool)
	return nil
}

// exists fails with ENODEV where the calling thread's namespace has no such
// interface.
func exists(ifname string) error {
	c, err := rtnl.Dial()
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Link(0, ifname)
	return err
}

// mend installs the guard again if it is not there.
//
// +checklocks:g.mu
func (g *HostGuard) mend() error {
	conn, err := nftables.New()
	if err != nil {
		return err
	}
	tables, err := conn.ListTablesOfFamily(nftables.TableFamilyNetdev)
	if err != nil {
		return err
	}
	for _, t := range tables {
		if t.Name == tablePrefix+g.ifname {
			return nil
		}
	}
	return install(g.ifname, g.rules, slices.Collect(maps.Keys(g.have)))
}

// install makes the table, its sets, and its rules in one transaction,
// instead of what is there: no frame gets between the two.
func install(ifname string, rules guardRules, addrs []netip.Addr) error {
	conn, err := nftables.New()
	if err != nil {
		return err
	}
	table, _ := ingress(ifname, nftables.ChainPolicyAccept)
	conn.AddTable(table) // or there might be none to delete
	conn.DelTable(table)
	sets, err := guardTable(conn, ifname, rules)
	if err != nil {
		return err
	}
	if err := sets.change(conn.SetAddElements, addrs); err != nil {
		return err
	}
	return conn.Flush()
}

// guardSets are the sets of the devices' addresses.
type guardSets struct{ v4, v6 *nftables.Set }

// newGuardSets returns the sets as objects; nothing is sent.
func newGuardSets(table *nftables.Table) guardSets {
	return guardSets{
		v4: &nftables.Set{Table: table, Name: "v4", KeyType: nftables.TypeIPAddr},
		v6: &nftables.Set{Table: table, Name: "v6", KeyType: nftables.TypeIP6Addr},
	}
}

// GuardMode says what else than IP packets to a device is hidden from the host.
// The zero value is the mode l3's.
type GuardMode uint8

const (
	// GuardL3: ARP and DAD that speak of a device's address are the device's
	// alone, also where they are sent to a group (row R3-01).
	GuardL3 GuardMode = iota
	// GuardL2: frames to a group or to all are the host's too (row R2-01).
	GuardL2
	// GuardL3S: only IP packets are the devices'; ARP and DAD stay with the host
	// (row RS-07).
	GuardL3S
)

// SetMode follows the mode of the master's devices.
func (g *HostGuard) SetMode(mode GuardMode) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.rules.mode == mode {
		return nil
	}
	return g.setRules(guardRules{mode, g.rules.flows})
}

// SetFlows hides flows to the host's own addresses from the host: the router
// translates them to devices. At most one rule each.
func (g *HostGuard) SetFlows(flows []Flow) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if slices.Equal(g.rules.flows, flows) {
		return nil
	}
	return g.setRules(guardRules{g.rules.mode, slices.Clone(flows)})
}

// setRules makes the table anew, in one transaction.
//
// +checklocks:g.mu
func (g *HostGuard) setRules(r guardRules) error {
	if g.ifname != "" {
		if err := install(g.ifname, r, slices.Collect(maps.Keys(g.have))); err != nil {
			return wrap("guard", g.ifname, err)
		}
	}
	g.rules = r
	return nil
}

// SetAddrs makes addrs the guarded addresses. Only differences reach the
// kernel, all in one transaction. Zones are ignored, and what is no address.
func (g *HostGuard) SetAddrs(addrs []netip.Addr) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ifname == "" {
		return wrap("guard addresses", "", errors.New("the guard is not installed: call Ensure first"))
	}
	want := make(map[netip.Addr]bool, len(addrs))
	for _, a := range addrs {
		if a.IsValid() {
			want[a.Unmap().WithZone("")] = true
		}
	}
	if maps.Equal(want, g.have) {
		return nil
	}
	err := g.update(want)
	if errors.Is(err, unix.ENOENT) { // somebody flushed the ruleset
		err = install(g.ifname, g.rules, slices.Collect(maps.Keys(want)))
	}
	if err != nil {
		return wrap("guard addresses on", g.ifname, err)
	}
	g.have = want
	return nil
}

// update sends the differences.
//
// +checklocks:g.mu
func (g *HostGuard) update(want map[netip.Addr]bool) error {
	conn, err := nftables.New()
	if err != nil {
		return err
	}
	table, _ := ingress(g.ifname, nftables.ChainPolicyAccept)
	sets := newGuardSets(table)
	err = errors.Join(
		sets.change(conn.SetDeleteElements, missing(g.have, want)),
		sets.change(conn.SetAddElements, missing(want, g.have)),
	)
	if err != nil {
		return err
	}
	return conn.Flush()
}

// missing returns what is in a but not in b.
func missing(a, b map[netip.Addr]bool) (out []netip.Addr) {
	for addr := range a {
		if !b[addr] {
			out = append(out, addr)
		}
	}
	return out
}

// setChunk bounds the elements of one message, whose attributes hold 64 KiB.
const setChunk = 512

// change queues one operation on both sets.
func (s guardSets) change(op func(*nftables.Set, []nftables.SetElement) error, addrs []netip.Addr) error {
	var v4, v6 []nftables.SetElement
	for _, a := range addrs {
		e := nftables.SetElement{Key: a.AsSlice()}
		if a.Is4() {
			v4 = append(v4, e)
		} else {
			v6 = append(v6, e)
		}
	}
	var err error
	for c := range slices.Chunk(v4, setChunk) {
		err = errors.Join(err, op(s.v4, c))
	}
	for c := range slices.Chunk(v6, setChunk) {
		err = errors.Join(err, op(s.v6, c))
	}
	return err
}

// Remove takes the guard away. Idempotent.
func (g *HostGuard) Remove() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.remove()
}

// remove is Remove under the lock.
//
// +checklocks:g.mu
func (g *HostGuard) remove() error {
	if g.ifname == "" {
		return nil
	}
	err := delTable(g.ifname)
	g.hold.release()
	g.ifname, g.hold, g.have = "", nil, nil
	return err
}
