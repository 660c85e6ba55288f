package link_test

import (
	"bytes"
	"runtime"
	"testing"

	"github.com/ipvl/ipvl/link"
	"github.com/ipvl/ipvl/link/linktest"
)

// Between an isolated device and any other nothing passes, whichever of the
// two it is; the wire and the host are as before.
func TestIsolate(t *testing.T) {
	bc, mc := linktest.Broadcast(), linktest.GroupMAC(ip("239.1.1.1"))
	cases := []stimulus{
		{"to a sibling", frame4(masterMAC, masterMAC, "10.0.0.11", "10.0.0.12"), ""},
		{"to a sibling v6", frame4(masterMAC, masterMAC, "fd00::11", "fd00::12"), ""},
		{"to itself", frame4(masterMAC, masterMAC, "10.0.0.11", "10.0.0.11"), "s1"},
		{"to the wire", frame4(peerMAC, masterMAC, "10.0.0.11", "10.0.0.100"), "wire"},
		{"to the host", frame4(masterMAC, masterMAC, "10.0.0.11", "10.0.0.1"), "host"},
		{"tagged to a sibling", linktest.Tag(frame4(masterMAC, masterMAC, "10.0.0.11", "10.0.0.12"), 0x8100, 0), ""},
		{"ARP broadcast", arpFrame(bc, 1, masterMAC, "10.0.0.11", "10.0.0.12"), "wire"},
		{"ARP reply", arpFrame(masterMAC, 2, masterMAC, "10.0.0.11", "10.0.0.12"), ""},
		{"multicast", frame4(mc, masterMAC, "10.0.0.11", "239.1.1.1"), "wire"},
		{"both MACs broadcast", frame4(bc, bc, "10.0.0.11", "10.0.0.255"), "s1 host"},
	}
	for i := range 2 {
		l := newLab(t, link.MasterOptions{Mode: link.ModeL2})
		l.dev[1].SetFilter(link.Filter{All: true})
		l.dev[i].SetFlags(link.DeviceFlags{Isolate: true})
		l.run(cases, func(f []byte) { l.dev[0].Transmit(bytes.Clone(f)) })
		one, two := l.dev[0].Stats().Drops["isolated"], l.dev[1].Stats().Drops["isolated"]
		if one != 4 || two != 3 {
			t.Errorf("s%d isolated: s1 counts %d, s2 %d; want 4 unicast, 3 group", i+1, one, two)
		}
		l.dev[i].SetFlags(link.DeviceFlags{})
		l.dev[0].Transmit(frame4(masterMAC, masterMAC, "10.0.0.11", "10.0.0.12"))
		l.want("isolated no more", "s2")
	}
}

// What a switch reflects is between devices too; what others send is not.
func TestIsolateAgainstReflection(t *testing.T) {
	bc := linktest.Broadcast()
	for _, mode := range []link.Mode{link.ModeL2, link.ModeL3, link.ModeL3S} {
		l := newLab(t, link.MasterOptions{Mode: mode, Flag: link.FlagVEPA})
		l.dev[1].SetFlags(link.DeviceFlags{Isolate: true})
		l.run([]stimulus{
			{"reflected", frame4(masterMAC, masterMAC, "10.0.0.11", "10.0.0.12"), ""},
			{"reflected the other way", frame4(masterMAC, masterMAC, "fd00::12", "fd00::11"), ""},
			{"from the wire", frame4(masterMAC, peerMAC, "10.0.0.100", "10.0.0.12"), "s2"},
			{"brought by a router", frame4(masterMAC, peerMAC, "10.0.0.11", "10.0.0.12"), "s2"},
			{"from the master's host by the switch", frame4(masterMAC, masterMAC, "10.0.0.1", "10.0.0.12"), "s2"},
		}, l.master.Receive)
		if mode != link.ModeL2 {
			continue
		}
		l.run([]stimulus{
			{"a client without address, reflected", frame4(bc, masterMAC, "0.0.0.0", "255.255.255.255"), "s1 host"},
			{"a broadcast of another", frame4(bc, peerMAC, "10.0.0.100", "10.0.0.255"), "s1 s2 host"},
		}, l.master.Receive)
	}
}

// The same off an endpoint that is trusted, whose packets may reach a stack
// without becoming bytes.
func TestIsolateOverTrustedEndpoint(t *testing.T) {
	wire, end := linktest.Cable(peerMAC, masterMAC)
	t.Cleanup(wire.Stop)
	m, err := link.NewMaster(trusted{end}, link.MasterOptions{Mode: link.ModeL3})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Shutdown)
	deviceNode(t, m, "10.0.0.13/24")
	_, d := deviceNode(t, m, "10.0.0.14/24")
	d.SetFlags(link.DeviceFlags{Isolate: true})
	w := &cablePort{end: wire}
	for _, f := range [][]byte{
		frame4(masterMAC, masterMAC, "10.0.0.13", "10.0.0.14"),
		linktest.Frame(masterMAC, peerMAC, 0x0800, udpPacket("10.0.0.100", "10.0.0.14", 100)),
	} {
		if err := w.WriteFrame(f); err != nil {
			t.Fatal(err)
		}
	}
	for d.Stats().RxPackets == 0 { // the one that it may hear comes last
		runtime.Gosched()
	}
	if got := d.Stats(); got.RxBytes != 14+28+100 || got.Drops["isolated"] != 1 {
		t.Errorf("%+v", got)
	}
}

// The same between netstacks, whose packets never become bytes.
func TestIsolatedStacks(t *testing.T) {
	l := newLab(t, link.MasterOptions{Mode: link.ModeL3, Router: &fakeRouter{hop: send(1500)}})
	a, _ := deviceNode(t, l.master, "10.0.0.13/24")
	_, d := deviceNode(t, l.master, "10.0.0.14/24")
	for i, f := range []link.DeviceFlags{{}, {Isolate: true}} {
		d.SetFlags(f)
		before := d.Stats().RxPackets
		a.udp("10.0.0.14")
		if got := d.Stats().RxPackets - before; got != uint64(1-i) {
			t.Errorf("%+v: %d packets arrived", f, got)
		}
	}
}

// Flags end with the device: nobody pays for what is gone.
func TestFlagsAreTheDevices(t *testing.T) {
	all := link.DeviceFlags{Proxy: true, Guard: true, Host: true, Isolate: true}
	l := newLab(t, link.MasterOptions{})
	d, err := l.master.NewDevice(link.DeviceOptions{Flags: all})
	if err != nil {
		t.Fatal(err)
	}
	if d.Flags() != all || l.dev[0].Flags() != (link.DeviceFlags{}) {
		t.Errorf("%+v, %+v", d.Flags(), l.dev[0].Flags())
	}
	for _, f := range []link.DeviceFlags{{Proxy: true}, {Guard: true}, {Host: true}, {Isolate: true}} {
		if d.SetFlags(f); d.Flags() != f {
			t.Errorf("%+v became %+v", f, d.Flags())
		}
	}
	d.Close()
	if d.SetFlags(all); d.Flags() != (link.DeviceFlags{}) {
		t.Errorf("a closed device has %+v", d.Flags())
	}
}
