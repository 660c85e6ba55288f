package api

import "net/netip"

// Options are what a device, or its master, does beyond the kernel's driver:
// the words "lookup", "proxy" and so on after "type ipvlan". In a request nil is
// left as it is. In a [Link] of the appliance all are set.
type Options struct {
	// Lookup is the master's: "kernel" (the default: bound to the master, as
	// ipvlan_process_v4_outbound has it) or "full" (every route and rule counts).
	Lookup *string `json:"lookup,omitempty"`
	// Proxy answers ARP and neighbour discovery on the wire, in l3 and l3s.
	Proxy *bool `json:"proxy,omitempty"`
	// Announce tells the wire where an address is now.
	Announce *bool `json:"announce,omitempty"`
	// Guard lets out what carries the device's own addresses, and nothing else.
	Guard *bool `json:"guard,omitempty"`
	// Host lets the default namespace and the device reach each other.
	Host *bool `json:"host,omitempty"`
	// Isolate keeps all other devices of the master out of reach.
	Isolate *bool `json:"isolate,omitempty"`
	// Allow are the addresses that may be registered; an empty list is any.
	// JSON does not keep a pointer to a nil slice apart from nil: say
	// []netip.Prefix{} for any.
	Allow *[]netip.Prefix `json:"allow,omitempty"`
}

// Switch is one option that is on or off.
type Switch struct {
	Name string // the word, and the key in JSON
	On   **bool // into the Options
}

// Switches are the options that are on or off, in the order of their words.
func (o *Options) Switches() []Switch {
	return []Switch{{"proxy", &o.Proxy}, {"announce", &o.Announce}, {"guard", &o.Guard}, {"host", &o.Host}, {"isolate", &o.Isolate}}
}
