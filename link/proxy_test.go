package link_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/ipvl/ipvl/link"
	"github.com/ipvl/ipvl/link/linktest"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

// asked is a frame off the wire and what is answered, or who gets it as if
// nobody answered.
type asked struct {
	name   string
	frame  []byte
	answer []byte
	want   string
}

func naFrame(dstMAC linktest.MAC, target, to string, flags byte) []byte {
	f := linktest.Frame(dstMAC, masterMAC, 0x86dd, linktest.NA(ip(target), ip(to), ip(target), masterMAC))
	icmp := f[10+14+40:]
	icmp[2], icmp[3], icmp[4] = 0, 0, flags
	body := bytes.Clone(icmp[4:])
	copy(f[10+14:], linktest.ICMPv6(ip(target), ip(to), linktest.NeighbourAdvertisement, body))
	return f
}

func proxyCases() []asked {
	bc, snm := linktest.Broadcast(), linktest.GroupMAC(ip("ff02::1:ff00:11"))
	all := linktest.GroupMAC(ip("ff02::1"))
	arpReply := func(tpa string) []byte {
		return linktest.Frame(peerMAC, masterMAC, 0x0806, linktest.ARP(2, masterMAC, ip("10.0.0.11"), peerMAC, ip(tpa)))
	}
	pad := func(f []byte) []byte { return append(f, make([]byte, 18)...) }
	askNS := func() []byte { return ns(snm, peerMAC, "fd00::100", "ff02::1:ff00:11", "fd00::11") }
	naReply := naFrame(peerMAC, "fd00::11", "fd00::100", 0x60)
	return []asked{
		{name: "ARP request", frame: pad(arpFrame(bc, 1, peerMAC, "10.0.0.100", "10.0.0.11")), answer: arpReply("10.0.0.100")},
		{name: "unicast ARP request", frame: arpFrame(masterMAC, 1, peerMAC, "10.0.0.100", "10.0.0.11"), answer: arpReply("10.0.0.100")},
		{name: "ARP probe", frame: arpFrame(bc, 1, peerMAC, "0.0.0.0", "10.0.0.11"), answer: arpReply("0.0.0.0")},
		{name: "priority tag", frame: linktest.Tag(arpFrame(bc, 1, peerMAC, "10.0.0.100", "10.0.0.11"), 0x8100, 0), answer: arpReply("10.0.0.100")},
		{name: "NS to the group", frame: askNS(), answer: naReply},
		{name: "unicast NS", frame: ns(masterMAC, peerMAC, "fd00::100", "fd00::11", "fd00::11"), answer: naReply},
		{name: "DAD", frame: ns(snm, peerMAC, "::", "ff02::1:ff00:11", "fd00::11"), answer: naFrame(all, "fd00::11", "ff02::1", 0x20)},
		{name: "ARP without proxy", frame: arpFrame(bc, 1, peerMAC, "10.0.0.100", "10.0.0.12"), want: "s2"},
		{name: "ARP for the master", frame: arpFrame(bc, 1, peerMAC, "10.0.0.100", "10.0.0.1"), want: "host"},
		{name: "ARP reply", frame: arpFrame(bc, 2, peerMAC, "10.0.0.100", "10.0.0.11"), want: "s1"},
		{name: "ARP from ourselves", frame: arpFrame(bc, 1, masterMAC, "10.0.0.1", "10.0.0.11"), want: "s1"},
		{name: "ARP in a frame of ours", frame: linktest.Frame(bc, masterMAC, 0x0806, linktest.ARP(1, peerMAC, ip("10.0.0.100"), linktest.MAC{}, ip("10.0.0.11"))), want: "s1"},
		{name: "ARP in our name", frame: linktest.Frame(bc, peerMAC, 0x0806, linktest.ARP(1, masterMAC, ip("10.0.0.1"), linktest.MAC{}, ip("10.0.0.11"))), want: "s1"},
		{name: "ARP of a group", frame: linktest.Frame(bc, peerMAC, 0x0806, linktest.ARP(1, bc, ip("10.0.0.100"), linktest.MAC{}, ip("10.0.0.11"))), want: "s1"},
		{name: "ARP to another MAC", frame: arpFrame(otherMAC, 1, peerMAC, "10.0.0.100", "10.0.0.11"), want: "s1"},
		{name: "ARP in VLAN 5", frame: linktest.Tag(arpFrame(bc, 1, peerMAC, "10.0.0.100", "10.0.0.11"), 0x8100, 5), want: "s1"},
		{name: "NS without proxy", frame: ns(linktest.GroupMAC(ip("ff02::1:ff00:12")), peerMAC, "fd00::100", "ff02::1:ff00:12", "fd00::12"), want: "host"},
		{name: "NS to another group", frame: ns(snm, peerMAC, "fd00::100", "ff02::1:ff00:99", "fd00::11"), want: "host"},
		{name: "NS over a router", frame: broken(askNS(), 7, 254), want: "host"},
		{name: "NS with a wrong checksum", frame: broken(askNS(), 42, 0xee), want: ""},
		{name: "NS from a group", frame: ns(snm, peerMAC, "ff02::1", "ff02::1:ff00:11", "fd00::11"), want: "host"},
		{name: "NA", frame: linktest.Frame(masterMAC, peerMAC, 0x86dd, linktest.NA(ip("fd00::100"), ip("fd00::11"), ip("fd00::100"), peerMAC)), want: "s1"},
		{name: "UDP", frame: frame4(masterMAC, peerMAC, "fd00::100", "fd00::11"), want: "s1"},
	}
}

func TestProxy(t *testing.T) {
	for _, mode := range []link.Mode{link.ModeL3, link.ModeL3S} {
		l := newLab(t, link.MasterOptions{Mode: mode})
		l.dev[0].SetFlags(link.DeviceFlags{Proxy: true})
		for _, c := range proxyCases() {
			l.master.Receive(bytes.Clone(c.frame))
			if got := l.wire.Take(); !bytes.Equal(got, c.answer) {
				t.Errorf("%v, %s: answer\n% x, want\n% x", mode, c.name, got, c.answer)
			}
			got := l.settle()
			if mode == link.ModeL3 && strings.Join(got, " ") != c.want || c.answer != nil && len(got) > 0 {
				t.Errorf("%v, %s: went to %v, want %q", mode, c.name, got, c.want)
			}
		}
	}
}

// Nobody answers for a device that is down, in L2, or over a master that is
// down.
func TestProxyIsSilent(t *testing.T) {
	ask := func() []byte { return arpFrame(linktest.Broadcast(), 1, peerMAC, "10.0.0.100", "10.0.0.11") }
	l := newLab(t, link.MasterOptions{})
	l.dev[0].SetFlags(link.DeviceFlags{Proxy: true})
	for name, f := range map[string]func(on bool){
		"device down": func(on bool) { l.dev[0].SetUp(!on) },
		"master down": l.master.SetDown,
		"no proxy":    func(on bool) { l.dev[0].SetFlags(link.DeviceFlags{Proxy: !on}) },
		"l2": func(on bool) {
			mode := map[bool]link.Mode{true: link.ModeL2, false: link.ModeL3}[on]
			if err := l.master.Set(mode, link.FlagBridge); err != nil {
				t.Fatal(err)
			}
		},
	} {
		f(true)
		if l.master.Receive(ask()); l.wire.Len() != 0 {
			t.Errorf("%s: answered", name)
		}
		f(false)
		if l.master.Receive(ask()); l.wire.Len() != 1 {
			t.Errorf("%s no more: %d answers, want 1", name, l.wire.Len())
		}
		l.wire.Take()
	}
}

// trusted is an end of a cable that verified the checksums: its packets reach a
// stack without becoming bytes.
type trusted struct{ *linktest.End }

func (t trusted) Capabilities() stack.LinkEndpointCapabilities {
	return t.End.Capabilities() | stack.CapabilityRXChecksumOffload
}

// With proxy a peer of the same LAN finds the device by itself.
func TestPeerFindsProxiedStack(t *testing.T) {
	for _, trust := range []bool{false, true} {
		wire, end := linktest.Cable(peerMAC, masterMAC)
		t.Cleanup(wire.Stop)
		uplink := stack.LinkEndpoint(end)
		if trust {
			uplink = trusted{end}
		}
		m, err := link.NewMaster(uplink, link.MasterOptions{Router: &fakeRouter{hop: send(1500)}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(m.Shutdown)
		peer := plainNode(t, wire, "10.0.0.100/24", "fd00::100/64")
		a, d := deviceNode(t, m, "10.0.0.11/24", "fd00::11/64")
		d.SetFlags(link.DeviceFlags{Proxy: true, Isolate: true})
		data := payload(1 << 17)
		for _, mode := range []link.Mode{link.ModeL3, link.ModeL3S} {
			if err := m.Set(mode, link.FlagBridge); err != nil {
				t.Fatal(err)
			}
			peer.transfer(a, "10.0.0.11", data)
			peer.transfer(a, "fd00::11", data)
			a.transfer(peer, "10.0.0.100", data)
		}
	}
}

func TestAnnounce(t *testing.T) {
	l := newLab(t, link.MasterOptions{Mode: link.ModeL3})
	want := map[string][]byte{
		"10.0.0.11":        arpFrame(linktest.Broadcast(), 1, masterMAC, "10.0.0.11", "10.0.0.11"),
		"::ffff:10.0.0.11": arpFrame(linktest.Broadcast(), 1, masterMAC, "10.0.0.11", "10.0.0.11"),
		"fd00::11":         naFrame(linktest.GroupMAC(ip("ff02::1")), "fd00::11", "ff02::1", 0x20),
		"10.0.0.12":        nil, "fd00::99": nil,
	}
	for a, f := range want {
		l.dev[0].Announce(ip(a))
		if got := l.wire.Take(); !bytes.Equal(got, f) || l.wire.Len() != 0 {
			t.Errorf("%s: % x, want % x", a, got, f)
		}
	}
	l.master.SetDown(true)
	l.dev[0].Announce(ip("10.0.0.11"))
	l.master.SetDown(false)
	l.dev[0].SetUp(false)
	l.dev[0].Announce(ip("10.0.0.11"))
	if l.wire.Len() != 0 || len(l.master.Stats().Drops) != 0 {
		t.Errorf("announced while down: %d frames, drops %v", l.wire.Len(), l.master.Stats().Drops)
	}
	l.dev[0].SetUp(true)
	if err := l.master.SetMAC(otherMAC); err != nil {
		t.Fatal(err)
	}
	l.dev[0].Announce(ip("10.0.0.11"))
	if f := l.wire.Take(); f == nil || !bytes.Equal(f[16:22], otherMAC[:]) || !bytes.Equal(f[32:38], otherMAC[:]) {
		t.Errorf("with the new MAC address: % x", f)
	}
}
