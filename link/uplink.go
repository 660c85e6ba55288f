package link

import (
	"github.com/ipvl/ipvl/link/vnet"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

// uplink carries the master's frames: a Port or a LinkEndpoint.
type uplink struct {
	port  Port
	lower stack.LinkEndpoint
	// have is what lower completes itself of a frame in byte form.
	have vnet.Features
}

func newEndpointUplink(lower stack.LinkEndpoint) uplink {
	u := uplink{lower: lower}
	if g, ok := lower.(stack.GSOEndpoint); ok && g.SupportedGSO() == stack.HostGSOSupported {
		u.have = vnet.FeatureTSO4 | vnet.FeatureTSO6
	}
	return u
}

// write sends one frame in byte form.
func (u *uplink) write(m *Master, frame []byte) Reason {
	if u.port != nil {
		return m.writeTo(u.port, frame)
	}
	emit := func(one []byte) error {
		pkt, err := vnet.ToPacket(one, vnet.PacketOptions{})
		if err != nil {
			return err
		}
		defer pkt.DecRef()
		return u.send(pkt)
	}
	return m.fit(frame, u.have, emit)
}

// takes says whether lower takes a stack's packet as it is: a Device has no
// CapabilityTXChecksumOffload, so that only segments have open checksums. Nobody but vnet knows of
// many datagrams in one packet.
func (u *uplink) takes(pkt *stack.PacketBuffer) bool {
	if pkt.GSOOptions.Type == stack.GSONone {
		return !vnet.Segmented(&pkt.GSOOptions)
	}
	return u.have != 0
}

// send writes one packet with its link header; pkt is borrowed.
func (u *uplink) send(pkt *stack.PacketBuffer) error {
	var list stack.PacketBufferList
	list.PushBack(pkt)
	n, err := u.lower.WritePackets(list)
	if err != nil {
		return wrapTCPIP(err)
	}
	if n != 1 {
		return errRefused
	}
	return nil
}
