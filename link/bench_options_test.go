package link_test

import (
	"net/netip"
	"testing"

	"github.com/ipvl/ipvl/link"
	"github.com/ipvl/ipvl/link/linktest"
	"gvisor.dev/gvisor/pkg/tcpip/faketime"
)

// way is a frame on its way through a master whose ports take everything.
type way struct {
	name string
	f    func()
}

// optionWays are the ways that the options are in, on a master of its own each.
func optionWays(tb testing.TB) []way {
	frame := func(src, dst string) []byte { return frame4(masterMAC, masterMAC, src, dst) }
	hooks := &fakeHooks{}
	fromWire := frame4(masterMAC, peerMAC, "10.0.0.100", "10.0.0.11")
	guard, isolate := link.DeviceFlags{Guard: true}, link.DeviceFlags{Isolate: true}
	proxy, host := link.DeviceFlags{Proxy: true}, link.DeviceFlags{Host: true}
	l2, l3, l3s := link.ModeL2, link.ModeL3, link.ModeL3S
	var ways []way
	add := func(name string, mode link.Mode, flags link.DeviceFlags, f func(m *link.Master, d *link.Device)) {
		m, d := optionDevice(tb, mode, flags)
		if mode == link.ModeL3S {
			m.SetHooks(hooks)
		}
		ways = append(ways, way{name, func() { f(m, d) }})
	}
	receive := func(f []byte) func(*link.Master, *link.Device) {
		return func(m *link.Master, _ *link.Device) { m.Receive(f) }
	}
	send := func(f []byte) func(*link.Master, *link.Device) {
		return func(_ *link.Master, d *link.Device) { d.Transmit(f) }
	}
	add("l3s/wire-device", l3s, link.DeviceFlags{}, receive(fromWire))
	add("l3s/device-wire", l3s, link.DeviceFlags{}, send(frame("10.0.0.11", "10.0.0.100")))
	add("guard/v4", l3, guard, send(frame("10.0.0.11", "10.0.0.100")))
	add("guard/v6", l3, guard, send(frame("fd00::11", "fd00::100")))
	add("guard/NA", l2, guard, send(linktest.Frame(peerMAC, masterMAC, 0x86dd, linktest.NA(ip("fd00::11"), ip("fd00::100"), ip("fd00::11"), masterMAC))))
	add("guard/dropped", l3, guard, send(frame("10.0.0.99", "10.0.0.100")))
	add("isolate/device-device", l2, isolate, send(frame("10.0.0.11", "10.0.0.12")))
	add("isolate/wire-device", l3, isolate, receive(fromWire))
	add("proxy/wire-device", l3, proxy, receive(fromWire))
	add("proxy/ARP", l3, proxy, receive(arpFrame(linktest.Broadcast(), 1, peerMAC, "10.0.0.100", "10.0.0.11")))
	add("proxy/NS", l3, proxy, receive(ns(linktest.GroupMAC(ip("ff02::1:ff00:11")), peerMAC, "fd00::100", "ff02::1:ff00:11", "fd00::11")))
	add("host/device-host", l2, host, send(frame("10.0.0.11", "10.0.0.1")))
	toDevice := frame("10.0.0.1", "10.0.0.11")
	add("host/host-device", l3, host, func(m *link.Master, _ *link.Device) { m.FromHost(toDevice) })
	add("announce", l3, proxy, func(_ *link.Master, d *link.Device) { d.Announce(ip("10.0.0.11")) })
	rejected, held := frame("10.0.0.11", "10.0.0.100"), frame("10.0.0.11", "10.0.0.101")
	add("reject", l3, link.DeviceFlags{}, func(m *link.Master, d *link.Device) {
		m.Reject(held, link.ICMPError{Type: 3, Code: 1, From: ip("10.0.0.1")})
		d.Transmit(rejected)
	})
	return ways
}

// optionDevice is a device with flags, beside a sibling and the host.
func optionDevice(tb testing.TB, mode link.Mode, flags link.DeviceFlags) (*link.Master, *link.Device) {
	m, err := link.NewMasterOnPort(sinkPort{}, link.MasterOptions{
		MAC: masterMAC, Mode: mode, Router: &fakeRouter{hop: send(1500)}, Clock: faketime.NewManualClock(),
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(m.Shutdown)
	m.SetHostLink(sinkPort{}, []netip.Addr{ip("10.0.0.1")})
	var devs [2]*link.Device
	for i, addrs := range [][]string{{"10.0.0.11", "fd00::11"}, {"10.0.0.12"}} {
		if devs[i], err = m.NewDevice(link.DeviceOptions{Port: sinkPort{}, Flags: flags}); err != nil {
			tb.Fatal(err)
		}
		devs[i].SetUp(true)
		for _, a := range addrs {
			if err := devs[i].AddAddress(ip(a)); err != nil {
				tb.Fatal(err)
			}
		}
	}
	return m, devs[0]
}

func BenchmarkOptions(b *testing.B) {
	for _, w := range optionWays(b) {
		b.Run(w.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				w.f()
			}
		})
	}
}

// Buffers of errors that wait to be delivered come from a pool, which the first
// burst fills.
func TestOptionsAllocateNothing(t *testing.T) {
	for _, w := range optionWays(t) {
		for range 100 {
			w.f()
		}
		if n := testing.AllocsPerRun(200, w.f); n > allocsAtMost {
			t.Errorf("%s allocates %v", w.name, n)
		}
	}
}
