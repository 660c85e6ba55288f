package main

import (
	"slices"

	"github.com/ipvl/ipvl/cmd/ipvl-bench/internal/report"
)

// oursLAN is the default namespace with the master, and the wire's far end.
func oursLAN() []string {
	return []string{
		"host: ip link add eth0 type veth peer name eth0 netns {wire}",
		"host: ip addr add 10.0.0.1/24 dev eth0",
		"host: ip link set dev eth0 up",
		"wire: ip addr add 10.0.0.100/24 dev eth0",
		"wire: ip link set dev eth0 up",
		"host& ipvl serve --socket {dir}/api.sock --state none --ready-fd 3",
	}
}

// device adds a device to a namespace and gives it an address.
func device(space, mode, addr string) []string {
	return []string{
		"host: ipvl link add link eth0 name ipvl0 netns {" + space + "} type ipvlan mode " + mode,
		space + ": ip addr add " + addr + " dev ipvl0",
		space + ": ip link set dev ipvl0 up",
	}
}

// overRoute is an L3 device whose server is behind a route of the default
// namespace.
func overRoute(mode string) []string {
	return slices.Concat(oursLAN(), device("a", mode, "10.1.0.11/24"), []string{
		"a: ip route add default dev ipvl0",
		"wire: ip addr add 192.0.2.7/32 dev lo",
		"wire: ip route add 10.1.0.0/24 via 10.0.0.1",
		"host: ip route add 192.0.2.0/24 via 10.0.0.100",
	})
}

func oursContenders() []contender {
	return []contender{
		{
			name: "l2", title: "ipvl L2, device to device", family: report.Ours,
			spaces: []string{"host", "wire", "a", "b"}, client: "a", server: "b", addr: "10.0.0.12",
			setup: slices.Concat(oursLAN(), device("a", "l2", "10.0.0.11/24"), device("b", "l2", "10.0.0.12/24")),
		}, {
			name: "l3", title: "ipvl L3, device to device", family: report.Ours,
			spaces: []string{"host", "wire", "a", "b"}, client: "a", server: "b", addr: "10.2.0.12",
			setup: slices.Concat(oursLAN(), device("a", "l3", "10.1.0.11/24"), device("b", "l3", "10.2.0.12/24"), []string{
				"a: ip route add default dev ipvl0",
				"b: ip route add default dev ipvl0",
			}),
		}, {
			name: "l2-wire", title: "ipvl L2, device to wire", family: report.Ours,
			spaces: []string{"host", "wire", "a"}, client: "a", server: "wire", addr: "10.0.0.100",
			setup: slices.Concat(oursLAN(), device("a", "l2", "10.0.0.11/24")),
		}, {
			name: "l3-route", title: "ipvl L3, over a route", family: report.Ours,
			spaces: []string{"host", "wire", "a"}, client: "a", server: "wire", addr: "192.0.2.7",
			setup: overRoute("l3"),
		}, {
			name: "l3s-route", title: "ipvl L3S, over a route, tracked", family: report.Ours,
			spaces: []string{"host", "wire", "a"}, client: "a", server: "wire", addr: "192.0.2.7",
			setup: append(overRoute("l3s"),
				"host: ipvl filter add input state established,related accept",
				"host: ipvl filter policy input drop",
			),
		},
	}
}
