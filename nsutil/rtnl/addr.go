package rtnl

import (
	"net/netip"

	"golang.org/x/sys/unix"
)

// ParseAddr reads the body of RTM_NEWADDR or RTM_DELADDR.
func ParseAddr(data []byte) (Addr, error) {
	if len(data) < unix.SizeofIfAddrmsg {
		return Addr{}, ErrShort
	}
	family, length := data[0], data[1]
	a := Addr{Flags: uint32(data[2]), Scope: data[3], Index: i32(data[4:])}
	var local netip.Addr
	as := after(data, unix.SizeofIfAddrmsg)
	for typ, b, ok := as.next(); ok; typ, b, ok = as.next() {
		switch typ {
		case unix.IFA_LOCAL:
			local = address(b)
		case unix.IFA_ADDRESS:
			a.Address = address(b)
		case unix.IFA_BROADCAST:
			a.Broadcast = address(b)
		case unix.IFA_LABEL:
			a.Label = str(b)
		case unix.IFA_FLAGS:
			a.Flags = u32(b)
		case ifaProto:
			a.Proto = u8(b)
		case unix.IFA_CACHEINFO: // struct ifa_cacheinfo: preferred, valid, …
			a.Preferred = u32(b)
			a.Valid = u32(b[min(4, len(b)):])
		}
	}
	if err := a.place(family, length, local); err != nil {
		return Addr{}, err
	}
	return a, nil
}

// place puts the addresses of a message together. IPv6 without a peer sends
// IFA_ADDRESS only; IPv4 of very old kernels IFA_LOCAL only.
func (a *Addr) place(family, length uint8, local netip.Addr) (err error) {
	if !local.IsValid() {
		local = a.Address
	}
	if !a.Address.IsValid() {
		a.Address = local
	}
	if !local.IsValid() || a.Address.BitLen() != local.BitLen() {
		return ErrValue
	}
	a.Prefix, err = prefix(family, local, length)
	return err
}

// ParseNeigh reads the body of RTM_NEWNEIGH or RTM_DELNEIGH. ErrOther: it is
// an entry of a bridge's forwarding database.
func ParseNeigh(data []byte) (Neigh, error) {
	if len(data) < unix.SizeofNdMsg {
		return Neigh{}, ErrShort
	}
	if bits(data[0]) == 0 {
		return Neigh{}, ErrOther
	}
	n := Neigh{Index: i32(data[4:]), State: u16(data[8:]), Flags: data[10], Type: data[11]}
	as := after(data, unix.SizeofNdMsg)
	for typ, b, ok := as.next(); ok; typ, b, ok = as.next() {
		switch typ {
		case unix.NDA_DST:
			n.Dst = address(b)
		case unix.NDA_LLADDR:
			n.LLAddr = clone(b)
		}
	}
	if n.Dst.BitLen() != bits(data[0]) {
		return Neigh{}, ErrValue
	}
	return n, nil
}

// ParseGroup reads the body of RTM_NEWMULTICAST or RTM_DELMULTICAST.
func ParseGroup(data []byte) (Group, error) {
	if len(data) < unix.SizeofIfAddrmsg {
		return Group{}, ErrShort
	}
	g := Group{Index: i32(data[4:])}
	as := after(data, unix.SizeofIfAddrmsg)
	for typ, b, ok := as.next(); ok; typ, b, ok = as.next() {
		if typ == unix.IFA_MULTICAST {
			g.Addr = address(b)
		}
	}
	if bits(data[0]) == 0 || g.Addr.BitLen() != bits(data[0]) {
		return Group{}, ErrValue
	}
	return g, nil
}

// ParseNSID reads the body of RTM_NEWNSID or RTM_DELNSID: the id, -1 for
// a namespace that has none.
func ParseNSID(data []byte) (int, error) {
	if len(data) < sizeofRtgenmsg {
		return 0, ErrShort
	}
	as := after(data, sizeofRtgenmsg)
	for typ, b, ok := as.next(); ok; typ, b, ok = as.next() {
		if typ == unix.NETNSA_NSID && len(b) >= 4 {
			return i32(b), nil
		}
	}
	return 0, ErrValue
}

// Names of linux/if_addr.h and linux/rtnetlink.h that x/sys lacks.
const (
	ifaProto       = 11
	sizeofRtgenmsg = 1
)
