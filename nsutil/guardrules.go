package nsutil

import (
	"net/netip"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// Flow is IP traffic to an address of the host. Zero fields match everything.
type Flow struct {
	// Proto is the IANA protocol number: TCP and UDP have ports; of ICMP
	// (1 and 58) only answers to echo requests match, whose Ports are identifiers.
	Proto    uint8
	Src, Dst netip.Prefix
	// First and Last are the destination ports.
	First, Last uint16
}

// guardRules are the guard's rules but for its sets.
type guardRules struct {
	mode  GuardMode
	flows []Flow
}

// drop matches the flow. Fragments but the first have no ports: they stay with
// the host, which waits for the rest in vain.
func (f Flow) drop() []expr.Any {
	v6 := f.Dst.Addr().Is6() || f.Src.Addr().Is6()
	ethertype, src, dst := uint16(unix.ETH_P_IP), uint32(12), uint32(16)
	if v6 {
		ethertype, src, dst = unix.ETH_P_IPV6, 8, 24
	}
	e := []expr.Any{
		&expr.Meta{Key: expr.MetaKeyPROTOCOL, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{byte(ethertype >> 8), byte(ethertype)}},
	}
	e = append(e, inPrefix(src, f.Src)...)
	e = append(e, inPrefix(dst, f.Dst)...)
	if f.Proto != 0 {
		e = append(e,
			&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
			&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{f.Proto}})
	}
	switch f.Proto {
	case unix.IPPROTO_ICMP:
		e = append(append(e, transport(0, 0)...), f.ports(4)...)
	case unix.IPPROTO_ICMPV6:
		e = append(append(e, transport(0, 129)...), f.ports(4)...)
	case unix.IPPROTO_TCP, unix.IPPROTO_UDP:
		e = append(e, f.ports(2)...)
	}
	return append(e, &expr.Verdict{Kind: expr.VerdictDrop})
}

// ports matches the 16 bits at an offset in the transport header.
func (f Flow) ports(offset uint32) []expr.Any {
	if f.First == 0 && f.Last == 0 {
		return nil
	}
	return []expr.Any{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: offset, Len: 2},
		&expr.Cmp{Op: expr.CmpOpGte, Register: 1, Data: []byte{byte(f.First >> 8), byte(f.First)}},
		&expr.Cmp{Op: expr.CmpOpLte, Register: 1, Data: []byte{byte(f.Last >> 8), byte(f.Last)}},
	}
}

func transport(offset uint32, value byte) []expr.Any {
	return []expr.Any{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: offset, Len: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{value}},
	}
}

// inPrefix matches an address at an offset in the network header; nil for all.
func inPrefix(offset uint32, p netip.Prefix) []expr.Any {
	if !p.IsValid() || p.Bits() == 0 {
		return nil
	}
	p = p.Masked()
	size := uint32(p.Addr().BitLen() / 8)
	mask := make([]byte, size)
	for i := range p.Bits() {
		mask[i/8] |= 0x80 >> (i % 8)
	}
	return []expr.Any{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: size},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: size, Mask: mask, Xor: make([]byte, size)},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: p.Addr().AsSlice()},
	}
}

// guardTable queues the table. Frames of a VLAN are not the devices': they go
// to the host's VLAN interfaces. ARP and the solicitations of DAD are dropped by
// their target; a device answers for itself, or nobody does.
func guardTable(conn *nftables.Conn, ifname string, r guardRules) (guardSets, error) {
	table, chain := ingress(ifname, nftables.ChainPolicyAccept)
	sets := newGuardSets(table)
	conn.AddTable(table)
	conn.AddChain(chain)
	for _, s := range []*nftables.Set{sets.v4, sets.v6} {
		if err := conn.AddSet(s, nil); err != nil {
			return sets, err
		}
	}
	exprs := [][]expr.Any{acceptVLAN(unix.ETH_P_8021Q), acceptVLAN(unix.ETH_P_8021AD)}
	if r.mode == GuardL2 {
		exprs = append(exprs, acceptGroups())
	}
	exprs = append(exprs, dropIn(sets.v4, unix.ETH_P_IP, 16, 4), dropIn(sets.v6, unix.ETH_P_IPV6, 24, 16))
	if r.mode != GuardL3S {
		exprs = append(exprs, dropIn(sets.v4, unix.ETH_P_ARP, 24, 4), dropDAD(sets.v6))
	}
	for _, f := range r.flows {
		exprs = append(exprs, f.drop())
	}
	for _, e := range exprs {
		conn.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: e})
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
