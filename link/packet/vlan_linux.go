package packet

import (
	"encoding/binary"
	"unsafe"

	"github.com/ipvl/ipvl/link/vnet"
	"golang.org/x/sys/unix"
)

// auxdata is the control message PACKET_AUXDATA, the only one that is asked for.
type auxdata struct {
	hdr unix.Cmsghdr
	aux unix.TpacketAuxdata
	_   [4]byte // CMSG_SPACE rounds up
}

// tag returns the VLAN tag that the kernel took off, if there was one; n is
// the length of the control data that were received.
func (a *auxdata) tag(n uintptr) (tpid, tci uint16, ok bool) {
	if n < unsafe.Offsetof(a.aux)+unsafe.Sizeof(a.aux) ||
		a.hdr.Level != unix.SOL_PACKET || a.hdr.Type != unix.PACKET_AUXDATA ||
		a.aux.Status&unix.TP_STATUS_VLAN_VALID == 0 {
		return 0, 0, false
	}
	tpid = typeVLAN
	if a.aux.Status&unix.TP_STATUS_VLAN_TPID_VALID != 0 {
		tpid = a.aux.Vlan_tpid
	}
	return tpid, a.aux.Vlan_tci, true
}

// restoreTag puts a VLAN tag back. b is tagLen bytes of room, virtio-net header,
// Ethernet frame; what is in front of the tag moves to the front. The header's
// offsets grow with the frame.
func restoreTag(b []byte, tpid, tci uint16) []byte {
	const macs = 12
	if len(b) < tagLen+vnet.HeaderLen+macs {
		return b[tagLen:]
	}
	copy(b, b[tagLen:tagLen+vnet.HeaderLen+macs])
	binary.BigEndian.PutUint16(b[vnet.HeaderLen+macs:], tpid)
	binary.BigEndian.PutUint16(b[vnet.HeaderLen+macs+2:], tci)
	var h vnet.Header
	if h.Decode(b) != nil {
		return b
	}
	if h.Flags&vnet.FlagNeedsCsum != 0 {
		h.CsumStart += tagLen
	}
	if h.HdrLen != 0 {
		h.HdrLen += tagLen
	}
	h.Encode(b)
	return b
}
