package main

import (
	"slices"

	"github.com/ipvl/ipvl/cmd/ipvl-bench/internal/report"
)

// vethRoute is what L3 over a route is built of where the kernel routes.
func vethRoute() []string {
	return []string{
		"host= net/ipv4/ip_forward 1",
		"host: ip link add eth0 type veth peer name eth0 netns {wire}",
		"host: ip addr add 10.0.0.1/24 dev eth0",
		"host: ip link set dev eth0 up",
		"wire: ip addr add 10.0.0.100/24 dev eth0",
		"wire: ip link set dev eth0 up",
		"host: ip link add a0 type veth peer name eth0 netns {a}",
		"host: ip addr add 10.1.0.1/24 dev a0",
		"host: ip link set dev a0 up",
		"a: ip addr add 10.1.0.11/24 dev eth0",
		"a: ip link set dev eth0 up",
		"a: ip route add default via 10.1.0.1",
		"wire: ip addr add 192.0.2.7/32 dev lo",
		"wire: ip route add 10.1.0.0/24 via 10.0.0.1",
		"host: ip route add 192.0.2.0/24 via 10.0.0.100",
	}
}

// bridged is a port of a bridge.
func bridged(space, addr string) []string {
	return []string{
		"host: ip link add " + space + "0 type veth peer name eth0 netns {" + space + "}",
		"host: ip link set dev " + space + "0 master br0 up",
		space + ": ip addr add " + addr + " dev eth0",
		space + ": ip link set dev eth0 up",
	}
}

func kernelContenders() []contender {
	nft := tool{"nft", "apt-get install nftables"}
	return []contender{
		{
			name: "veth", title: "veth pair", family: report.Kernel,
			spaces: []string{"a", "b"}, client: "a", server: "b", addr: "10.0.0.12",
			setup: []string{
				"a: ip link add eth0 type veth peer name eth0 netns {b}",
				"a: ip addr add 10.0.0.11/24 dev eth0",
				"a: ip link set dev eth0 up",
				"b: ip addr add 10.0.0.12/24 dev eth0",
				"b: ip link set dev eth0 up",
			},
		}, {
			name: "macvlan", title: "macvlan to wire", family: report.Kernel,
			spaces: []string{"host", "wire", "a"}, client: "a", server: "wire", addr: "10.0.0.100",
			setup: []string{
				"host: ip link add eth0 type veth peer name eth0 netns {wire}",
				"host: ip link set dev eth0 up",
				"wire: ip addr add 10.0.0.100/24 dev eth0",
				"wire: ip link set dev eth0 up",
				"host: ip link add link eth0 name mv0 netns {a} type macvlan mode bridge",
				"a: ip addr add 10.0.0.11/24 dev mv0",
				"a: ip link set dev mv0 up",
			},
		}, {
			name: "bridge", title: "veth + bridge", family: report.Kernel,
			spaces: []string{"host", "a", "b"}, client: "a", server: "b", addr: "10.0.0.12",
			setup: slices.Concat([]string{
				"host: ip link add br0 type bridge",
				"host: ip link set dev br0 up",
			}, bridged("a", "10.0.0.11/24"), bridged("b", "10.0.0.12/24")),
		}, {
			name: "veth-route", title: "veth, routed", family: report.Kernel,
			spaces: []string{"host", "wire", "a"}, client: "a", server: "wire", addr: "192.0.2.7",
			setup: vethRoute(),
		}, {
			name: "veth-route-ct", title: "veth, routed, nft ct", family: report.Kernel, tools: []tool{nft},
			spaces: []string{"host", "wire", "a"}, client: "a", server: "wire", addr: "192.0.2.7",
			setup: append(vethRoute(),
				"host: nft add table inet bench",
				"host: nft add chain inet bench forward { type filter hook forward priority 0 ; policy drop ; }",
				"host: nft add rule inet bench forward ct state established,related accept",
				"host: nft add rule inet bench forward iifname a0 ct state new accept",
			),
		},
	}
}
