package packet

import (
	"fmt"
	"net/netip"

	"golang.org/x/net/bpf"
)

// Filter says which received frames reach Serve. ARP and the neighbour
// discovery of IPv6 (ICMPv6 133 to 137) always do, unless DropAll is set. The zero
// value passes just these.
type Filter struct {
	// Addrs are the addresses of devices: IP packets to them pass. Zones are
	// ignored, IPv4-mapped addresses mean IPv4. Order and duplicates do not matter.
	Addrs []netip.Addr
	// Flows pass too, whoever owns their destination.
	Flows []Flow
	// Multicast passes every frame with a group MAC address, of any ethertype.
	Multicast bool
	// All passes every frame; Addrs and Multicast are ignored.
	All bool
	// DropAll passes none, for a port without devices. It goes before All.
	DropAll bool
}

// MaxInstructions is the longest program that the kernel takes (BPF_MAXINSNS).
const MaxInstructions = 4096

// Ethertypes and offsets. Offsets behind the Ethernet header are relative to
// the index register, which holds the length of a VLAN tag in the frame or 0.
const (
	typeIPv4  = 0x0800
	typeARP   = 0x0806
	typeIPv6  = 0x86dd
	typeVLAN  = 0x8100
	typeQinQ  = 0x88a8
	tagLen    = 4
	offType   = 12
	offDst4   = 14 + 16
	offNext6  = 14 + 6
	offDst6   = 14 + 24
	offICMPv6 = 14 + 40
	icmpv6    = 58
	ndFirst   = 133
	ndLast    = 137
)

// block is a piece of program. Every path through it ends in a return, so blocks
// can be laid one behind the other.
type block []bpf.Instruction

var (
	pass = block{bpf.RetConstant{Val: 1<<32 - 1}}
	drop = block{bpf.RetConstant{Val: 0}}
)

// Program compiles f to a classic BPF program for a socket that shows whole
// Ethernet frames (SO_ATTACH_FILTER). Destinations are found by binary search.
// The verdict on a frame that ends before the bytes that decide is to drop it.
//
// Where the exact program would be longer than MaxInstructions, it passes
// more: IPv4 addresses with small gaps between them are joined to ranges, of IPv6
// addresses only the first 96, 64, 32 or 0 bits are compared. Neighbouring IPv4 addresses
// cost nothing; about 2,900 scattered ones fit exactly. The caller
// has to look at the destination again in any case.
//
// An invalid address is an error.
func Program(f Filter) ([]bpf.RawInstruction, error) {
	return compile(f, MaxInstructions)
}

// compile is Program for programs of at most budget instructions, at least 32.
func compile(f Filter, budget int) ([]bpf.RawInstruction, error) {
	switch {
	case f.DropAll:
		return bpf.Assemble(drop)
	case f.All:
		return bpf.Assemble(pass)
	}
	spans, keys, err := sortAddrs(f.Addrs)
	if err != nil {
		return nil, err
	}
	flows := flowBlock(f.Flows)
	budget -= len(flows)
	spans = thin(spans, budget) // a span costs at least one instruction
	words := 4                  // of an IPv6 address that are compared
	for {
		v4 := search4(spans)
		v6 := search6(keys, words)
		prog := frame(f.Multicast, v4, v6)
		switch {
		case len(prog) <= budget:
			return bpf.Assemble(append(flows, prog...))
		case len(v6) > len(v4):
			words--
		default:
			spans = thin(spans, len(spans)*3/4)
		}
	}
}

// sortAddrs returns the IPv4 addresses as spans and the IPv6 addresses in order.
func sortAddrs(addrs []netip.Addr) ([]span, []key, error) {
	var words []uint32
	var keys []key
	for i, a := range addrs {
		switch a = a.Unmap(); {
		case a.Is4():
			words = append(words, word4(a))
		case a.Is6():
			keys = append(keys, key6(a))
		default:
			return nil, nil, fmt.Errorf("filter: address %d is the zero netip.Addr; leave it out", i)
		}
	}
	return spansOf(words), sortKeys(keys), nil
}

// frame is the whole program around the two searches for a destination.
func frame(multicast bool, v4, v6 block) block {
	var b block
	if multicast {
		b = append(b,
			bpf.LoadAbsolute{Off: 0, Size: 1},
			bpf.JumpIf{Cond: bpf.JumpBitsNotSet, Val: 1, SkipTrue: 1},
			pass[0])
	}
	b = append(b,
		bpf.LoadConstant{Dst: bpf.RegX, Val: 0},
		bpf.LoadAbsolute{Off: offType, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: typeVLAN, SkipTrue: 1},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: typeQinQ, SkipTrue: 2},
		// A tag that is still in the frame; the kernel took outer ones off.
		bpf.LoadConstant{Dst: bpf.RegX, Val: tagLen},
		bpf.LoadAbsolute{Off: offType + tagLen, Size: 2})
	// The host's own traffic is mostly IPv4, so it is told apart first.
	other := branch(bpf.JumpEqual, typeARP, pass, drop)
	return append(b, branch(bpf.JumpEqual, typeIPv4, v4, branch(bpf.JumpEqual, typeIPv6, v6, other))...)
}

// branch tests the accumulator and continues with then or els. The offset of a
// conditional jump has eight bits; longer ways go by an unconditional one.
func branch(cond bpf.JumpTest, val uint32, then, els block) block {
	b := make(block, 0, 2+len(then)+len(els))
	if len(then) <= 255 {
		b = append(b, bpf.JumpIf{Cond: cond, Val: val, SkipFalse: uint8(len(then))})
	} else {
		b = append(b, bpf.JumpIf{Cond: cond, Val: val, SkipTrue: 1}, bpf.Jump{Skip: uint32(len(then))})
	}
	return append(append(b, then...), els...)
}
