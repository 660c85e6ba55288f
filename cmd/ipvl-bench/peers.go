package main

import (
	"fmt"
	"slices"

	"github.com/ipvl/ipvl/cmd/ipvl-bench/internal/report"
)

// gvtapVersion is what is compared with.
const gvtapVersion = "v0.8.9"

// slirp is slirp4netns as rootless containers run it.
func slirp(mtu int) contender {
	return contender{
		name: fmt.Sprintf("slirp4netns-%d", mtu), title: fmt.Sprintf("slirp4netns, MTU %d", mtu), family: report.Peers,
		tools:  []tool{{"slirp4netns", "apt-get install slirp4netns"}},
		spaces: []string{"host", "a"}, client: "a", server: "host", addr: "10.0.2.2",
		setup: []string{
			fmt.Sprintf("host& slirp4netns --configure --mtu=%d --netns-type=path --ready-fd=3 /run/netns/{a} tap0", mtu),
		},
	}
}

// pasta needs an interface outside to copy; its gateway stands for the host.
func pasta(name, title, addr, forward string) contender {
	return contender{
		name: name, title: title, family: report.Peers,
		tools:  []tool{{"pasta", "apt-get install passt"}},
		spaces: []string{"host", "up", "a"}, client: "a", server: "host", addr: addr,
		setup: []string{
			"host: ip link add eth0 type veth peer name eth0 netns {up}",
			"host: ip addr add 198.51.100.2/24 dev eth0",
			"host: ip link set dev eth0 up",
			"up: ip link set dev eth0 up",
			"host: ip route add default via 198.51.100.1",
			"host& pasta --foreground --quiet --config-net --ipv4-only --runas 0 --tcp-ports none --udp-ports none " + forward + " --netns /run/netns/{a}",
		},
	}
}

// gvtap is gvisor-tap-vsock: gvproxy outside, gvforwarder at the TAP.
func gvtap(mtu int) contender {
	install := "GOBIN=$PWD/bin go install github.com/containers/gvisor-tap-vsock/cmd/"
	return contender{
		name: fmt.Sprintf("gvtap-%d", mtu), title: fmt.Sprintf("gvisor-tap-vsock, MTU %d", mtu), family: report.Peers,
		tools: []tool{
			{"gvproxy", install + "gvproxy@" + gvtapVersion},
			{"gvforwarder", install + "vm@" + gvtapVersion + " && mv bin/vm bin/gvforwarder"},
		},
		spaces: []string{"host", "a"}, client: "a", server: "host", addr: "192.168.127.254",
		setup: []string{
			fmt.Sprintf("host& gvproxy -listen unix://{dir}/gv.sock -mtu %d", mtu),
			"wait {dir}/gv.sock",
			"a: ip tuntap add dev tap0 mode tap",
			fmt.Sprintf("a: ip link set dev tap0 mtu %d address 5a:94:ef:e4:0c:ee", mtu),
			"a: ip addr add 192.168.127.2/24 dev tap0",
			"a: ip link set dev tap0 up",
			"a: ip route add default via 192.168.127.1",
			fmt.Sprintf("a& gvforwarder -preexisting -url unix://{dir}/gv.sock -mtu %d", mtu+14),
		},
	}
}

// plugged is a TAP on the switch of VDE.
func plugged(space, addr string) []string {
	return []string{
		space + ": ip tuntap add dev tap0 mode tap",
		space + ": ip addr add " + addr + " dev tap0",
		space + ": ip link set dev tap0 up",
		space + "& vde_plug2tap -s {dir}/vde tap0",
	}
}

func peerContenders() []contender {
	vde := contender{
		name: "vde", title: "vde2 switch", family: report.Peers,
		tools:  []tool{{"vde_switch", "apt-get install vde2"}, {"vde_plug2tap", "apt-get install vde2"}},
		spaces: []string{"host", "a", "b"}, client: "a", server: "b", addr: "10.0.0.12",
		setup: slices.Concat([]string{"host& vde_switch -s {dir}/vde", "wait {dir}/vde/ctl"},
			plugged("a", "10.0.0.11/24"), plugged("b", "10.0.0.12/24")),
	}
	return []contender{
		slirp(1500), slirp(65520),
		pasta("pasta", "pasta, TAP", "198.51.100.1", "--tcp-ns none --udp-ns none"),
		pasta("pasta-splice", "pasta, splice", "127.0.0.1", fmt.Sprintf("--tcp-ns %d --udp-ns %d", port, port)),
		gvtap(1500), gvtap(65520), vde,
	}
}
