package main

import (
	"context"
	"fmt"
	"slices"
)

// demo is what steps leave for later ones.
type demo struct {
	appliance      appliance
	before, during state
	rates          rates
}

// plan lists all that the demo does.
func (d *demo) plan() []part {
	return []part{
		{"A LAN: eth0 of the default namespace, a host on its wire, and what is far behind it", lanSteps()},
		{"The kernel document's example: ns0 and ns1, a device in each, mode l2", d.exampleSteps()},
		{"L2: devices do their own ARP and ND, on one MAC address", l2Steps()},
		{"The flag: private devices do not reach each other, bridged ones do", flagSteps()},
		{"L3: the default namespace's routes decide", l3Steps()},
		{"Back to L2, and how fast", d.throughputSteps()},
		{"The end: the appliance removes what it made", d.endSteps()},
	}
}

// commands makes a step of each line.
func commands(lines ...string) []step {
	var steps []step
	for _, l := range lines {
		steps = append(steps, command(l))
	}
	return steps
}

func (d *demo) exampleSteps() []step {
	const serve = "ipvl serve --socket " + socket + " --ready-fd 3"
	steps := commands("ip netns add ns0", "ip netns add ns1")
	steps = append(steps, step{line: serve + " &", do: func(ctx context.Context) (_ string, err error) {
		if d.before, err = observe("ns0", "ns1"); err != nil {
			return "", err
		}
		return "", d.appliance.start(ctx, serve)
	}})
	steps = append(steps, commands(
		"ipvl link add link eth0 ipvl0 type ipvlan mode l2",
		"ipvl link add link eth0 ipvl1 type ipvlan mode l2",
		"ip link set dev ipvl0 netns ns0",
		"ipvl link set dev ipvl1 netns ns1",
	)...)
	for _, x := range []struct{ ns, dev, host string }{{"ns0", "ipvl0", "11"}, {"ns1", "ipvl1", "12"}} {
		steps = append(steps, commands(
			"ip -n "+x.ns+" link set dev "+x.dev+" up",
			"ip -n "+x.ns+" link set dev lo up",
			"ip -n "+x.ns+" addr add 10.0.0."+x.host+"/24 dev "+x.dev,
			"ip -n "+x.ns+" addr add fd00::"+x.host+"/64 dev "+x.dev+" nodad",
			"ip -n "+x.ns+" route add default via 10.0.0.100 dev "+x.dev,
			"ip -n "+x.ns+" -6 route add default via fd00::100 dev "+x.dev,
		)...)
	}
	return append(steps, shows("ipvl -n ns0 -d link show dev ipvl0", "ipvlan  mode l2 bridge"))
}

func l2Steps() []step {
	return slices.Concat(
		reaches("L2, device to device", "ns0", "10.0.0.12", "fd00::12"),
		reaches("L2, device to device", "ns1", "10.0.0.11", "fd00::11"),
		reaches("L2, device to wire", "ns0", "10.0.0.100", "fd00::100"),
		reaches("L2, wire to device", "lan", "10.0.0.12", "fd00::12"),
		reaches("L2, device to far, by its own default route", "ns1", "192.0.2.7", "2001:db8::7"),
		silence("L2, host and device apart", "", "10.0.0.11", "fd00::11"),
		silence("L2, device and host apart", "ns0", "10.0.0.1", "fd00::1"),
	)
}

func flagSteps() []step {
	return slices.Concat(
		commands("ipvl -n ns0 link set ipvl0 type ipvlan mode l2 private"),
		silence("private, devices apart", "ns0", "10.0.0.12", "fd00::12"),
		reaches("private, device to wire", "ns0", "10.0.0.100", "fd00::100"),
		commands("ipvl -n ns0 link set ipvl0 type ipvlan mode l2 bridge"),
		reaches("bridge, device to device", "ns0", "10.0.0.12", "fd00::12"),
	)
}

// l3Steps keep the addresses: the lan gets routes to them, because in L3 nobody
// answers ARP and ND for them.
func l3Steps() []step {
	const via4, via6 = "192.0.2.0/24 via 10.0.0.100 dev eth0", "2001:db8::/64 via fd00::100 dev eth0"
	const far4, far6 = "192.0.2.7", "2001:db8::7"
	toFar := "L3, device to far, "
	return slices.Concat(
		commands(
			"ipvl -n ns0 link set ipvl0 type ipvlan mode l3",
			"ip -n lan route add 10.0.0.11/32 via 10.0.0.1",
			"ip -n lan route add 10.0.0.12/32 via 10.0.0.1",
			"ip -n lan route add fd00::11/128 via fd00::1",
			"ip -n lan route add fd00::12/128 via fd00::1",
		),
		[]step{shows("ipvl -n ns1 -d link show dev ipvl1", "NOARP", "ipvlan  mode l3 bridge")},
		reaches("L3, device to device", "ns0", "10.0.0.12", "fd00::12"),
		reaches("L3, device to wire", "ns0", "10.0.0.100", "fd00::100"),
		reaches("L3, wire to device", "lan", "10.0.0.12", "fd00::12"),
		silence("L3, host and device apart", "", "10.0.0.11", "fd00::11"),
		silence(toFar+"without a route", "ns0", far4, far6),
		commands("ip route add "+via4, "ip route add "+via6),
		reaches(toFar+"over the route", "ns0", far4, far6),
		[]step{shows("ipvl route get "+far4+" from 10.0.0.11", "via 10.0.0.100 dev eth0")},
		commands("ip route del "+via4, "ip route del "+via6),
		silence(toFar+"with the route taken away", "ns0", far4, far6),
		commands("ip route add "+via4, "ip route add "+via6),
		reaches(toFar+"with the route put back", "ns0", far4, far6),
	)
}

func (d *demo) throughputSteps() []step {
	steps := commands(
		"ipvl -n ns0 link set ipvl0 type ipvlan mode l2",
		"ip -n ns0 link add plain0 type veth peer name plain1 netns ns1",
		"ip -n ns0 addr add 198.18.0.1/30 dev plain0",
		"ip -n ns0 link set dev plain0 up",
		"ip -n ns1 addr add 198.18.0.2/30 dev plain1",
		"ip -n ns1 link set dev plain1 up",
	)
	steps = append(steps, reaches("L2 again, device to device", "ns0", "10.0.0.12", "fd00::12")...)
	steps = append(steps, step{what: "what carries the devices", do: func(context.Context) (_ string, err error) {
		d.rates.carrier, err = carrier("ns0", "ipvl0")
		return d.rates.carrier, err
	}})
	for i := range rounds {
		steps = append(steps, step{what: fmt.Sprintf("TCP, round %d of %d", i+1, rounds), do: func(ctx context.Context) (string, error) {
			return d.rates.measure(ctx, "10.0.0.12", "198.18.0.2")
		}})
	}
	return steps
}

func (d *demo) endSteps() []step {
	steps := append(commands("ip -n ns0 link del dev plain0"),
		shows("ipvl -n ns0 -s link show dev ipvl0", "ipvl0"),
		step{what: "the appliance ends by SIGTERM", do: func(ctx context.Context) (_ string, err error) {
			if d.during, err = observe("ns0", "ns1"); err != nil {
				return "", err
			}
			return d.appliance.terminate(ctx)
		}})
	return append(steps, leftovers(&d.before, &d.during, "ns0", "ns1")...)
}
