package rtnl

import "golang.org/x/sys/unix"

// Attributes of linux/if_link.h that x/sys does not name.
const (
	iflaInet6Flags       = 1
	iflaInet6Token       = 7
	iflaInet6AddrGenMode = 8
	iflaVRFTable         = 1
)

// ParseLink reads the body of RTM_NEWLINK or RTM_DELLINK. ErrOther: it is a
// bridge's message about one of its ports.
func ParseLink(data []byte) (Link, error) {
	if len(data) < unix.SizeofIfInfomsg {
		return Link{}, ErrShort
	}
	if data[0] != unix.AF_UNSPEC {
		return Link{}, ErrOther
	}
	l := Link{
		Type:        u16(data[2:]),
		Index:       i32(data[4:]),
		Flags:       u32(data[8:]),
		Change:      u32(data[12:]),
		ParentNSID:  -1,
		NewNSID:     -1,
		AddrGenMode: -1,
	}
	as := after(data, unix.SizeofIfInfomsg)
	for typ, b, ok := as.next(); ok; typ, b, ok = as.next() {
		l.identity(typ, b)
		l.limits(typ, b)
	}
	return l, nil
}

// identity takes the attributes that say what the link is.
func (l *Link) identity(typ uint16, b []byte) {
	switch typ {
	case unix.IFLA_IFNAME:
		l.Name = str(b)
	case unix.IFLA_IFALIAS:
		l.Alias = str(b)
	case unix.IFLA_ADDRESS:
		l.Address = clone(b)
	case unix.IFLA_BROADCAST:
		l.Broadcast = clone(b)
	case unix.IFLA_PERM_ADDRESS:
		l.PermAddr = clone(b)
	case unix.IFLA_MTU:
		l.MTU = int(u32(b))
	case unix.IFLA_QDISC:
		l.Qdisc = str(b)
	case unix.IFLA_OPERSTATE:
		l.OperState = u8(b)
	case unix.IFLA_LINKMODE:
		l.LinkMode = u8(b)
	case unix.IFLA_LINK:
		l.ParentIndex, l.HasParent = i32(b), true
	case unix.IFLA_LINK_NETNSID:
		l.ParentNSID = i32(b)
	case unix.IFLA_MASTER:
		l.UpperIndex = i32(b)
	case unix.IFLA_NEW_NETNSID:
		l.NewNSID = i32(b)
	case unix.IFLA_NEW_IFINDEX:
		l.NewIndex = i32(b)
	case unix.IFLA_LINKINFO:
		l.info(b)
	case unix.IFLA_AF_SPEC:
		l.afSpec(b)
	}
}

// limits takes the attributes that are numbers.
func (l *Link) limits(typ uint16, b []byte) {
	switch typ {
	case unix.IFLA_TXQLEN:
		l.TxQLen = int(u32(b))
	case unix.IFLA_GROUP:
		l.Group = u32(b)
	case unix.IFLA_PROMISCUITY:
		l.Promiscuity = u32(b)
	case unix.IFLA_ALLMULTI:
		l.AllMulti = u32(b)
	case unix.IFLA_MIN_MTU:
		l.MinMTU = u32(b)
	case unix.IFLA_MAX_MTU:
		l.MaxMTU = u32(b)
	case unix.IFLA_NUM_TX_QUEUES:
		l.NumTxQueues = u32(b)
	case unix.IFLA_NUM_RX_QUEUES:
		l.NumRxQueues = u32(b)
	case unix.IFLA_GSO_MAX_SIZE:
		l.GSOMaxSize = u32(b)
	case unix.IFLA_GSO_MAX_SEGS:
		l.GSOMaxSegs = u32(b)
	case unix.IFLA_TSO_MAX_SIZE:
		l.TSOMaxSize = u32(b)
	case unix.IFLA_TSO_MAX_SEGS:
		l.TSOMaxSegs = u32(b)
	case unix.IFLA_GRO_MAX_SIZE:
		l.GROMaxSize = u32(b)
	case unix.IFLA_STATS64:
		l.HasStats, l.Stats = true, parseStats(b)
	}
}

// info takes IFLA_LINKINFO: the kind, and of a VRF its table.
func (l *Link) info(b []byte) {
	as := attrs(b)
	for typ, b, ok := as.next(); ok; typ, b, ok = as.next() {
		switch {
		case typ == unix.IFLA_INFO_KIND:
			l.Kind = str(b)
		case typ == unix.IFLA_INFO_DATA && l.Kind == "vrf":
			data := attrs(b)
			for typ, b, ok := data.next(); ok; typ, b, ok = data.next() {
				if typ == iflaVRFTable {
					l.VRFTable = u32(b)
				}
			}
		}
	}
}

// afSpec takes IFLA_AF_SPEC: what IPv6 says of the link.
func (l *Link) afSpec(b []byte) {
	families := attrs(b)
	for family, b, ok := families.next(); ok; family, b, ok = families.next() {
		if family != unix.AF_INET6 {
			continue
		}
		as := attrs(b)
		for typ, b, ok := as.next(); ok; typ, b, ok = as.next() {
			switch typ {
			case iflaInet6Flags:
				l.IPv6Flags = u32(b)
			case iflaInet6Token:
				l.Token = address(b)
			case iflaInet6AddrGenMode:
				l.AddrGenMode = int(u8(b))
			}
		}
	}
}

// parseStats reads struct rtnl_link_stats64; the numbers are positions in it.
func parseStats(b []byte) Stats {
	at := func(i int) uint64 { return u64(b[min(8*i, len(b)):]) }
	return Stats{
		RxPackets: at(0), TxPackets: at(1), RxBytes: at(2), TxBytes: at(3),
		RxErrors: at(4), TxErrors: at(5), RxDropped: at(6), TxDropped: at(7),
		Multicast: at(8), Collisions: at(9), RxOverErrors: at(11),
		RxMissedErrors: at(15), TxCarrierErrors: at(17),
	}
}
