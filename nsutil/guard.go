package nsutil

import (
	"errors"
	"maps"
	"net/netip"
	"slices"
	"sync"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
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
	// groups: group frames are the host's, too.
	// +checklocks:mu
	groups bool
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
		err = install(ifname, g.groups, nil)
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
	return install(g.ifname, g.groups, slices.Collect(maps.Keys(g.have)))
}

// install makes the table, its sets, and its rules in one transaction,
// instead of what is there: no frame gets between the two.
func install(ifname string, groups bool, addrs []netip.Addr) error {
	conn, err := nftables.New()
	if err != nil {
		return err
	}
	table, _ := ingress(ifname, nftables.ChainPolicyAccept)
	conn.AddTable(table) // or there might be none to delete
	conn.DelTable(table)
	sets, err := guardTable(conn, ifname, groups)
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

// guardTable queues the table. Frames of a VLAN are not the devices': they go
// to the host's VLAN interfaces. ARP and the solicitations of DAD are dropped by
// their target; a device answers for itself, or nobody does.
func guardTable(conn *nftables.Conn, ifname string, groups bool) (guardSets, error) {
	table, chain := ingress(ifname, nftables.ChainPolicyAccept)
	sets := newGuardSets(table)
	conn.AddTable(table)
	conn.AddChain(chain)
	for _, s := range []*nftables.Set{sets.v4, sets.v6} {
		if err := conn.AddSet(s, nil); err != nil {
			return sets, err
		}
	}
	rules := [][]expr.Any{acceptVLAN(unix.ETH_P_8021Q), acceptVLAN(unix.ETH_P_8021AD)}
	if groups {
		rules = append(rules, acceptGroups())
	}
	for _, exprs := range append(rules,
		dropIn(sets.v4, unix.ETH_P_IP, 16, 4),
		dropIn(sets.v4, unix.ETH_P_ARP, 24, 4),
		dropIn(sets.v6, unix.ETH_P_IPV6, 24, 16),
		dropDAD(sets.v6),
	) {
		conn.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: exprs})
	}
	return sets, nil
}

// acceptVLAN matches frames with a tag of that type, except priority tags
// (id 0, row R2-29). The kernel has taken the tag off, but shows it to a rule
// that looks into the Ethernet header.
func acceptVLAN(ethertype uint16) []expr.Any {
	return []expr.Any{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseLLHeader, Offset: 12, Len: 2},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{byte(ethertype >> 8), byte(ethertype)}},
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseLLHeader, Offset: 14, Len: 2},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 2, Mask: []byte{0x0f, 0xff}, Xor: []byte{0, 0}},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: []byte{0, 0}},
		&expr.Verdict{Kind: expr.VerdictAccept},
	}
}

// acceptGroups matches frames to a group or to all, by the first bit of the
// destination on the wire.
func acceptGroups() []expr.Any {
	return []expr.Any{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseLLHeader, Offset: 0, Len: 1},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 1, Mask: []byte{1}, Xor: []byte{0}},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{1}},
		&expr.Verdict{Kind: expr.VerdictAccept},
	}
}

// dropDAD matches neighbour solicitations from :: (RFC 4862 section 5.4.2) for
// a target in the set.
func dropDAD(set *nftables.Set) []expr.Any {
	field := func(offset uint32, value ...byte) []expr.Any {
		return []expr.Any{
			&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: uint32(len(value))},
			&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: value},
		}
	}
	return slices.Concat(
		field(6, unix.IPPROTO_ICMPV6), field(40, 135), field(8, make([]byte, 16)...),
		dropIn(set, unix.ETH_P_IPV6, 48, 16),
	)
}

// SetGroups says whether frames to a group or to all are the host's, whatever
// address of a device they speak of. They are in L2, where the host gets what
// the devices get of them; in L3 they are the devices' alone (rows R2-01, R3-01).
func (g *HostGuard) SetGroups(host bool) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.groups == host {
		return nil
	}
	if g.ifname != "" {
		if err := install(g.ifname, host, slices.Collect(maps.Keys(g.have))); err != nil {
			return wrap("guard groups on", g.ifname, err)
		}
	}
	g.groups = host
	return nil
}

// dropIn matches frames of a type whose address, at an offset in the network
// header, is in a set.
func dropIn(set *nftables.Set, ethertype uint16, offset, size uint32) []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyPROTOCOL, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{byte(ethertype >> 8), byte(ethertype)}},
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: size},
		&expr.Lookup{SourceRegister: 1, SetName: set.Name, SetID: set.ID},
		&expr.Verdict{Kind: expr.VerdictDrop},
	}
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
		err = install(g.ifname, g.groups, slices.Collect(maps.Keys(want)))
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
