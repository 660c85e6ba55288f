package load

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"time"
)

// Kind is what a load does.
type Kind string

// The kinds of load.
const (
	TCP  Kind = "tcp"
	GSO  Kind = "gso"
	PPS  Kind = "pps"
	RR   Kind = "rr"
	Conn Kind = "conn"
)

const (
	// Patience bounds each call that waits for the other side.
	Patience = 3 * time.Second
	// chunk is what TCP writes and reads at once.
	chunk = 128 << 10
	// segment and segments make the datagrams of GSO.
	segment, segments = 1400, 40
	// small is the payload of PPS, in bytes: a 64-byte Ethernet frame.
	small = 22
	// mmsg is how many datagrams sendmmsg and recvmmsg take at once.
	mmsg = 64
	// maxTrips bounds what RR records.
	maxTrips = 1 << 20
)

// Spec is one load, the same for both sides.
type Spec struct {
	Kind    Kind    `json:"kind"`
	Streams int     `json:"streams,omitempty"` // TCP; PPS: flows that take turns; 0: one
	Reverse bool    `json:"reverse,omitempty"` // TCP: the server sends
	Seconds float64 `json:"seconds"`
	// Addr is where the client connects to. The server listens at its port, on
	// every address.
	Addr netip.AddrPort `json:"addr"`
}

func (s Spec) streams() int { return max(s.Streams, 1) }

func (s Spec) duration() time.Duration { return time.Duration(s.Seconds * float64(time.Second)) }

// Parse reads a Spec from JSON and checks it.
func Parse(text string) (Spec, error) {
	var s Spec
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return s, fmt.Errorf("load: %w", err)
	}
	switch s.Kind {
	case TCP, GSO, PPS, RR, Conn:
	default:
		return s, fmt.Errorf("load: kind %q is none of tcp, gso, pps, rr, conn", s.Kind)
	}
	switch {
	case s.Seconds <= 0 || s.Seconds > 3600:
		return s, fmt.Errorf("load: %v seconds: give more than 0, at most 3600", s.Seconds)
	case s.Streams < 0 || s.Streams > 64:
		return s, fmt.Errorf("load: %d streams: give 1 to 64", s.Streams)
	case !s.Addr.Addr().Is4():
		return s, fmt.Errorf("load: %v is no IPv4 address", s.Addr)
	}
	return s, nil
}

// Result is what one side saw.
type Result struct {
	Bytes   uint64  `json:"bytes,omitempty"`   // received
	Packets uint64  `json:"packets,omitempty"` // received datagrams
	Ops     uint64  `json:"ops,omitempty"`     // round trips or connections
	Seconds float64 `json:"seconds,omitempty"` // between the first and the last of them
	// Mean, P50, P99 and Max are of round trips, in microseconds.
	Mean float64 `json:"mean,omitempty"`
	P50  float64 `json:"p50,omitempty"`
	P99  float64 `json:"p99,omitempty"`
	Max  float64 `json:"max,omitempty"`
	// CPU is what the whole machine spent meanwhile, in seconds, seen by the client.
	CPU float64 `json:"cpu,omitempty"`
}

// Merge puts what client and server saw together.
func Merge(client, server Result) Result {
	r := client
	if r.Bytes == 0 && r.Packets == 0 && r.Ops == 0 {
		r.Bytes, r.Packets, r.Seconds = server.Bytes, server.Packets, server.Seconds
	}
	return r
}
