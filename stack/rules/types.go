package rules

import "net/netip"

// Table is one of the two tables.
type Table string

// Chain is one of the chains of a Table; doc.go lists them.
type Chain string

// State is what connection tracking says of a packet (conntrack_states of
// iptables-extensions(8)).
type State string

const (
	TableFilter Table = "filter"
	TableNAT    Table = "nat"

	ChainPrerouting  Chain = "prerouting"
	ChainInput       Chain = "input"
	ChainOutput      Chain = "output"
	ChainPostrouting Chain = "postrouting"

	StateNew         State = "new"         // the first packets, until an answer was seen
	StateEstablished State = "established" // of a connection that was answered
	StateRelated     State = "related"     // an ICMP error about a tracked connection
	StateInvalid     State = "invalid"     // not to be tracked
)

// What Action.Kind can be.
const (
	KindAccept     = "accept"
	KindDrop       = "drop"       // filter only
	KindMasquerade = "masquerade" // nat postrouting: from the master's own address
	KindSNAT       = "snat"       // nat postrouting and input: from Action.Addr
	KindDNAT       = "dnat"       // nat prerouting and output: to Action.Addr
)

// The protocols with a meaning of their own (IANA).
const (
	ProtoICMP   = 1
	ProtoTCP    = 6
	ProtoUDP    = 17
	ProtoICMPv6 = 58
)

// Ports is a range of ports, both ends included; one port is Lo == Hi. The
// zero value is any port.
type Ports struct {
	Lo uint16 `json:"lo"`
	Hi uint16 `json:"hi"`
}

// IsZero reports whether p is any port.
func (p Ports) IsZero() bool { return p == Ports{} }

// Contains reports whether port is in p.
func (p Ports) Contains(port uint16) bool { return p == Ports{} || p.Lo <= port && port <= p.Hi }

// Match says which packets a rule is for. The zero value is for all.
type Match struct {
	// Dev is the master's name.
	Dev string `json:"dev,omitempty"`
	// Src and Dst are prefixes; NotSrc and NotDst turn them round.
	Src    netip.Prefix `json:"src,omitzero"`
	Dst    netip.Prefix `json:"dst,omitzero"`
	NotSrc bool         `json:"not_src,omitempty"`
	NotDst bool         `json:"not_dst,omitempty"`
	// Proto is an IP protocol number, 0 any; ports ask for TCP or UDP.
	Proto    uint8 `json:"proto,omitempty"`
	SrcPorts Ports `json:"src_ports,omitzero"`
	DstPorts Ports `json:"dst_ports,omitzero"`
	// States are alternatives; none is any.
	States []State `json:"states,omitempty"`
	// Family is 4, 6, or 0 for both.
	Family int `json:"family,omitempty"`
}

// Action is what becomes of a packet that a rule matches.
type Action struct {
	Kind string `json:"kind"`
	// Addr is the new address of snat and dnat.
	Addr netip.Addr `json:"addr,omitzero"`
	// Ports are the new ports of snat and dnat; zero leaves the port to dnat
	// as it is, and has snat change it where two connections would clash.
	Ports Ports `json:"ports,omitzero"`
}

// Rule is one rule of a chain.
type Rule struct {
	Match  Match  `json:"match,omitzero"`
	Action Action `json:"action"`
	// Packets and Bytes count what the rule decided. Bytes are of IP packets.
	Packets uint64 `json:"packets,omitempty"`
	Bytes   uint64 `json:"bytes,omitempty"`
}

// Set is all rules. The zero value accepts everything.
type Set struct {
	Filter map[Chain][]Rule `json:"filter,omitempty"`
	NAT    map[Chain][]Rule `json:"nat,omitempty"`
	// Policy is "accept" or "drop" for each chain of the filter table;
	// accept where nothing stands.
	Policy map[Chain]string `json:"policy,omitempty"`
}
