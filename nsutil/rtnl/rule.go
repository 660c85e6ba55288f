package rtnl

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/ipvl/ipvl/stack/fib"
)

// Names of linux/fib_rules.h that x/sys lacks.
const (
	sizeofFibRuleHdr = 12
	fraDSCP          = 25
	fraFlowlabel     = 26
	ruleInvert       = 2
)

// ruleAction translates FR_ACT_*.
func ruleAction(a uint8) (fib.Action, bool) {
	switch a {
	case unix.FR_ACT_TO_TBL:
		return fib.ActionTable, true
	case unix.FR_ACT_GOTO:
		return fib.ActionGoto, true
	case unix.FR_ACT_NOP:
		return fib.ActionNop, true
	case unix.FR_ACT_BLACKHOLE:
		return fib.ActionBlackhole, true
	case unix.FR_ACT_UNREACHABLE:
		return fib.ActionUnreachable, true
	case unix.FR_ACT_PROHIBIT:
		return fib.ActionProhibit, true
	}
	return 0, false
}

// ruleAttrs is what needs the header, or the other attributes, to be understood.
type ruleAttrs struct {
	src, dst netip.Addr
	// never: the rule selects by what packets of ipvlan do not have: a
	// tunnel's id, an IPv6 flow label.
	never bool
}

// ParseRule reads the body of RTM_NEWRULE or RTM_DELRULE. ErrOther: the rule
// cannot select a packet of ipvlan, or has an action without meaning here.
func ParseRule(data []byte) (fib.Rule, error) {
	if len(data) < sizeofFibRuleHdr {
		return fib.Rule{}, ErrShort
	}
	family := data[0]
	action, known := ruleAction(data[7])
	if bits(family) == 0 || !known {
		return fib.Rule{}, ErrOther
	}
	r := fib.Rule{
		Family: 4, TOS: data[3], Table: uint32(data[4]), Action: action,
		Invert:            u32(data[8:])&ruleInvert != 0,
		SuppressPrefixLen: -1, SuppressGroup: -1,
	}
	if family == unix.AF_INET6 {
		r.Family = 6
	}
	var a ruleAttrs
	as := after(data, sizeofFibRuleHdr)
	for typ, b, ok := as.next(); ok; typ, b, ok = as.next() {
		a.selector(&r, typ, b)
		ruleResult(&r, typ, b)
	}
	if a.never && !r.Invert {
		return fib.Rule{}, ErrOther
	}
	var err error
	if data[1] != 0 {
		r.Dst, err = prefix(family, a.dst, data[1])
	}
	if data[2] != 0 && err == nil {
		r.Src, err = prefix(family, a.src, data[2])
	}
	return r, err
}

// selector takes the attributes that choose packets.
func (a *ruleAttrs) selector(r *fib.Rule, typ uint16, b []byte) {
	switch typ {
	case unix.FRA_DST:
		a.dst = address(b)
	case unix.FRA_SRC:
		a.src = address(b)
	case unix.FRA_IIFNAME:
		r.IIF = str(b)
	case unix.FRA_OIFNAME:
		r.OIF = str(b)
	case unix.FRA_FWMARK:
		r.Mark = u32(b)
	case unix.FRA_FWMASK:
		r.MarkMask = u32(b)
	case unix.FRA_IP_PROTO:
		r.IPProto = u8(b)
	case unix.FRA_SPORT_RANGE:
		r.SrcPort = [2]uint16{u16(b), u16(b[min(2, len(b)):])}
	case unix.FRA_DPORT_RANGE:
		r.DstPort = [2]uint16{u16(b), u16(b[min(2, len(b)):])}
	case unix.FRA_UID_RANGE:
		r.UID = &[2]uint32{u32(b), u32(b[min(4, len(b)):])}
	case unix.FRA_L3MDEV:
		r.L3MDev = u8(b) != 0
	case fraDSCP:
		r.TOS = u8(b) << 2
	case unix.FRA_TUN_ID:
		a.never = a.never || len(b) == 8 && binary.BigEndian.Uint64(b) != 0
	case fraFlowlabel:
		a.never = true
	}
}

// ruleResult takes the attributes that say what happens to them.
func ruleResult(r *fib.Rule, typ uint16, b []byte) {
	switch typ {
	case unix.FRA_PRIORITY:
		r.Priority = u32(b)
	case unix.FRA_TABLE:
		r.Table = u32(b)
	case unix.FRA_GOTO:
		r.Goto = u32(b)
	case unix.FRA_SUPPRESS_PREFIXLEN:
		r.SuppressPrefixLen = i32(b)
	case unix.FRA_SUPPRESS_IFGROUP:
		r.SuppressGroup = i32(b)
	}
}
