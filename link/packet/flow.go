package packet

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/net/bpf"
)

// Flow is IP traffic that passes the filter whoever owns its destination: what
// a router in front of the devices translates. Zero fields match everything.
type Flow struct {
	// Proto is the IANA protocol number. TCP and UDP have ports; of ICMP (1
	// and 58) answers to echo requests match, whose identifier First and Last
	// bound, and errors.
	Proto    uint8
	Src, Dst netip.Prefix
	// First and Last are the destination ports.
	First, Last uint16
}

// maxFlows is how many flows are compared; with more, all IP packets pass.
const maxFlows = 64

// Offsets without a VLAN tag.
const (
	offFrag4  = 14 + 6
	offProto4 = 14 + 9
	offSrc4   = 14 + 12
	offSrc6   = 14 + 8
	offPay6   = 14 + 40
)

// flowBlock passes what is in one of the flows, and goes on behind itself with
// the rest. Frames with a tag left in them are not looked into. Fragments pass
// without their ports being known.
func flowBlock(flows []Flow) block {
	if len(flows) == 0 {
		return nil
	}
	if len(flows) > maxFlows {
		flows = []Flow{{Dst: netip.PrefixFrom(netip.IPv4Unspecified(), 0)}, {Dst: netip.PrefixFrom(netip.IPv6Unspecified(), 0)}}
	}
	var b block
	for _, f := range flows {
		b = append(b, f.match()...)
	}
	return b
}

// step is one instruction that, where it fails, leaves the flow.
type step struct {
	ins  bpf.Instruction
	cond bool // ins is a JumpIf whose failure leaves
}

// match compiles one flow. Conditions are laid out first, then their distance
// to the end is known.
func (f Flow) match() block {
	v6 := f.Dst.Addr().Is6() || f.Src.Addr().Is6()
	var s []step
	load := func(off uint32, size int) { s = append(s, step{ins: bpf.LoadAbsolute{Off: off, Size: size}}) }
	need := func(cond bpf.JumpTest, val uint32) { s = append(s, step{bpf.JumpIf{Cond: cond, Val: val}, true}) }
	load(offType, 2)
	if v6 {
		need(bpf.JumpEqual, typeIPv6)
	} else {
		need(bpf.JumpEqual, typeIPv4)
	}
	src, dst, proto := uint32(offSrc4), uint32(offDst4), uint32(offProto4)
	if v6 {
		src, dst, proto = offSrc6, offDst6, offNext6
	}
	s = append(s, inPrefix(src, f.Src)...)
	s = append(s, inPrefix(dst, f.Dst)...)
	if f.Proto == 0 {
		return assemble(s, pass)
	}
	load(proto, 1)
	need(bpf.JumpEqual, uint32(f.Proto))
	return assemble(s, f.transport(v6))
}

// transport decides by ports, types and identifiers: it ends in pass or falls
// through.
func (f Flow) transport(v6 bool) block {
	at := uint32(offPay6)
	var b block
	size := func(off uint32, n int) bpf.Instruction { return bpf.LoadAbsolute{Off: off, Size: n} }
	if !v6 {
		at = 14
		b = append(b, size(offFrag4, 2), bpf.JumpIf{Cond: bpf.JumpBitsNotSet, Val: 0x1fff, SkipTrue: 1}, pass[0], bpf.LoadMemShift{Off: 14})
		size = func(off uint32, n int) bpf.Instruction { return bpf.LoadIndirect{Off: off, Size: n} }
	}
	between := func(off uint32) block {
		return block{size(at+off, 2),
			bpf.JumpIf{Cond: bpf.JumpLessThan, Val: uint32(f.First), SkipTrue: 2},
			bpf.JumpIf{Cond: bpf.JumpGreaterThan, Val: uint32(f.Last), SkipTrue: 1}, pass[0]}
	}
	all := f.First == 0 && f.Last == 0
	if all {
		f.Last = 0xffff
	}
	switch f.Proto {
	case 1: // an answer is 0; errors are 3 to 12, but for 8
		b = append(b, size(at, 1), bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0, SkipTrue: 3},
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: 8, SkipTrue: 6}, bpf.JumpIf{Cond: bpf.JumpGreaterThan, Val: 12, SkipTrue: 5}, pass[0])
		return append(b, between(4)...)
	case icmpv6: // errors are below 128; an answer is 129
		b = append(b, size(at, 1), bpf.JumpIf{Cond: bpf.JumpGreaterOrEqual, Val: 128, SkipTrue: 1}, pass[0],
			bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 129, SkipTrue: 4})
		return append(b, between(4)...)
	case 6, 17:
		if all {
			return pass
		}
		return append(b, between(2)...)
	}
	return pass
}

// inPrefix compares an address word by word.
func inPrefix(off uint32, p netip.Prefix) (s []step) {
	if !p.IsValid() {
		return nil
	}
	p = p.Masked()
	a := p.Addr().AsSlice()
	for i, bits := 0, p.Bits(); bits > 0; i, bits = i+4, bits-32 {
		s = append(s, step{ins: bpf.LoadAbsolute{Off: off + uint32(i), Size: 4}})
		if bits < 32 {
			s = append(s, step{ins: bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: ^uint32(0) << (32 - bits)}})
		}
		s = append(s, step{bpf.JumpIf{Cond: bpf.JumpEqual, Val: binary.BigEndian.Uint32(a[i:])}, true})
	}
	return s
}

// assemble gives each condition its way out, which is behind tail.
func assemble(s []step, tail block) block {
	b := make(block, 0, len(s)+len(tail))
	for i, st := range s {
		if j, ok := st.ins.(bpf.JumpIf); ok && st.cond {
			j.SkipFalse = uint8(len(s) - i - 1 + len(tail))
			b = append(b, j)
			continue
		}
		b = append(b, st.ins)
	}
	return append(b, tail...)
}
