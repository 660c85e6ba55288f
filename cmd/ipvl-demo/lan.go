package main

import (
	"context"
	"os"

	"github.com/ipvl/ipvl/nsutil"
)

// lanSteps lay out what is there before ipvl comes.
func lanSteps() []step {
	steps := commands("ip netns add lan")
	steps = append(steps, step{what: "lan is a router", do: router})
	steps = append(steps, commands(
		"ip link add eth0 type veth peer name eth0 netns lan",
		"ip link set dev eth0 up",
		"ip -n lan link set dev eth0 up",
		"ip addr add 10.0.0.1/24 dev eth0",
		"ip addr add fd00::1/64 dev eth0 nodad",
		"ip -n lan addr add 10.0.0.100/24 dev eth0",
		"ip -n lan addr add fd00::100/64 dev eth0 nodad",
		"ip netns add far",
		"ip -n lan link add far0 type veth peer name eth0 netns far",
		"ip -n lan addr add 192.0.2.1/24 dev far0",
		"ip -n lan addr add 2001:db8::1/64 dev far0 nodad",
		"ip -n lan link set dev far0 up",
		"ip -n far addr add 192.0.2.7/24 dev eth0",
		"ip -n far addr add 2001:db8::7/64 dev eth0 nodad",
		"ip -n far link set dev eth0 up",
		"ip -n far route add default via 192.0.2.1",
		"ip -n far -6 route add default via 2001:db8::1",
	)...)
	return append(steps, reaches("default namespace to wire", "", "10.0.0.100", "fd00::100")...)
}

// router makes one of lan; ip(8) has no command for it. A router needs a
// link-local address to ask for neighbours, and detecting duplicates of that would
// take a second or two.
func router(context.Context) (string, error) {
	ref, err := nsutil.Resolve("lan")
	if err != nil {
		return "", err
	}
	settings := []struct{ name, value string }{
		{"ipv4/ip_forward", "1"}, {"ipv6/conf/all/forwarding", "1"},
		{"ipv6/conf/all/accept_dad", "0"}, {"ipv6/conf/default/accept_dad", "0"},
	}
	return "it forwards, and skips duplicate address detection", ref.Do(func() error {
		for _, s := range settings {
			if err := os.WriteFile("/proc/sys/net/"+s.name, []byte(s.value), 0o644); err != nil {
				return err
			}
		}
		return nil
	})
}
