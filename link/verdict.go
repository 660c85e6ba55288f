package link

// action is what happens to a frame.
type action uint8

const (
	actDrop    action = iota
	actDevice         // to one device
	actUplink         // out, as it is
	actHost           // to the master's own stack
	actReceive        // into the master's receive path, as if from the wire
	actFlood          // to each device that wants it, and out
	actHostAnd        // to the master's own stack, and to each device that wants it
	actRoute          // to the Router
	actInput          // through the default namespace's IP layer and hooks
)

type verdict struct {
	act    action
	dev    *Device
	reason Reason
}

// view is all that the data path reads of a master, immutable and published
// as a whole: one packet sees one state.
type view struct {
	table
	mode    Mode
	flag    Flag
	mac     MAC
	mtu     uint32
	down    bool
	some    flags // those that any device has
	host    *hostLink
	devices []*Device // those that are up
}

// transmit gives the verdict on what a device sent
// (ipvlan_xmit_mode_l2, ipvlan_xmit_mode_l3).
func (v *view) transmit(m *meta, reason Reason) verdict {
	if v.mode == ModeL2 {
		return v.transmitL2(m)
	}
	return v.transmitL3(m, reason)
}

// transmitL2 decides by the destination MAC address alone: it equals the
// frame's own source where the sender resolved another device or the master.
func (v *view) transmitL2(m *meta) verdict {
	switch {
	case m.dst == m.src && v.flag != FlagVEPA:
		if !m.tagged { // the kernel does not look behind a tag here
			if d := v.owner(m); d != nil {
				return v.between(d)
			}
		}
		return verdict{act: actReceive}
	case !m.dst.group():
		return verdict{act: actUplink}
	case m.etherType == etherPause && !m.tagged:
		return verdict{reason: ReasonPause}
	}
	return verdict{act: actFlood}
}

// transmitL3 decides by the L3 destination; what no device owns is the
// Router's, unless it is group traffic or no IP.
func (v *view) transmitL3(m *meta, reason Reason) verdict {
	if v.flag != FlagVEPA && !m.tagged {
		if d := v.owner(m); d != nil {
			return v.between(d)
		}
	}
	switch {
	case m.dst.group():
		return verdict{reason: ReasonMulticast}
	case m.tagged || (m.etherType != etherIPv4 && m.etherType != etherIPv6):
		return verdict{reason: ReasonEtherType}
	case reason == reasonNone, reason == ReasonIPTotalLen:
		// A wrong total length is mended on the way out (ip_local_out).
		return verdict{act: actRoute}
	}
	return verdict{reason: reason}
}

// between is unicast from device to device.
func (v *view) between(d *Device) verdict {
	if v.flag == FlagPrivate {
		return verdict{reason: ReasonPrivate}
	}
	return verdict{act: actDevice, dev: d}
}

// receive gives the verdict on a frame that reached the master
// (ipvlan_handle_mode_l2, ipvlan_handle_mode_l3; in L3S the master's IP layer
// has it first).
func (v *view) receive(m *meta) verdict {
	switch {
	case v.mode == ModeL3:
	case v.mode == ModeL3S:
		return v.receiveL3S(m)
	case m.dst.group() && (m.etherType == etherPause || v.echo(m)):
		return verdict{act: actHost}
	case m.dst.group():
		return verdict{act: actHostAnd}
	}
	if d := v.owner(m); d != nil {
		return verdict{act: actDevice, dev: d}
	}
	return verdict{act: actHost}
}

// receiveL3S leaves to the host what no IP layer would take to a device:
// ARP, groups, DAD, other VLANs and other hosts' MAC addresses.
func (v *view) receiveL3S(m *meta) verdict {
	switch {
	case m.kind != kindIPv4 && m.kind != kindIPv6, m.vlan != 0, !m.dst.group() && m.dst != v.mac, m.martian():
		return verdict{act: actHost}
	}
	return verdict{act: actInput}
}

// echo says that m is what a device of ours sent, reflected by the switch: its
// devices had their copies when it left (ipvlan_external_frame).
func (v *view) echo(m *meta) bool {
	return m.src == v.mac && v.sender(m) != nil
}
