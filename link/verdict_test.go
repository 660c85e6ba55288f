package link_test

import (
	"strings"
	"testing"

	"github.com/ipvl/ipvl/link"
	"github.com/ipvl/ipvl/link/linktest"
)

// stimulus is a frame and who must get it, as the kernel's driver does it.
type stimulus struct {
	name  string
	frame []byte
	want  string // words of s1 s2 wire host
}

func udpFrame(src, dst string) []byte { return udpPacket(src, dst, 40) }

func udpPacket(src, dst string, size int) []byte {
	return linktest.UDP(addrPort(src, 1000), addrPort(dst, 2000), make([]byte, size))
}

// frame4 is a UDP packet in a frame.
func frame4(dstMAC, srcMAC linktest.MAC, src, dst string) []byte {
	return linktest.Frame(dstMAC, srcMAC, linktest.EtherType(ip(dst)), udpFrame(src, dst))
}

func arpFrame(dstMAC linktest.MAC, op uint16, src linktest.MAC, spa, tpa string) []byte {
	return linktest.Frame(dstMAC, src, 0x0806, linktest.ARP(op, src, ip(spa), linktest.MAC{}, ip(tpa)))
}

func ns(dstMAC, src linktest.MAC, from, to, target string) []byte {
	return linktest.Frame(dstMAC, src, 0x86dd, linktest.NS(ip(from), ip(to), ip(target), src))
}

// broken returns frame with the byte at off behind the Ethernet header set.
func broken(frame []byte, off int, b byte) []byte {
	frame[10+14+off] = b
	return frame
}

func (l *lab) run(cases []stimulus, send func([]byte)) {
	l.t.Helper()
	for _, c := range cases {
		send(c.frame)
		l.want(c.name, strings.Fields(c.want)...)
	}
}

func TestReceiveL2(t *testing.T) {
	l := newLab(t, link.MasterOptions{Mode: link.ModeL2})
	bc := linktest.Broadcast()
	snm := linktest.GroupMAC(linktest.SolicitedNode(ip("fd00::11")))
	l.dev[0].SetFilter(link.Filter{Groups: []link.MAC{snm, linktest.GroupMAC(ip("239.1.1.1"))}})
	l.run([]stimulus{
		{"unicast to s1", frame4(masterMAC, peerMAC, "10.0.0.100", "10.0.0.11"), "s1"},
		{"unicast v6 to s2", frame4(masterMAC, peerMAC, "fd00::100", "fd00::12"), "s2"},
		{"unicast to the master", frame4(masterMAC, peerMAC, "10.0.0.100", "10.0.0.1"), "host"},
		{"own MAC reflected, unicast", frame4(masterMAC, masterMAC, "10.0.0.12", "10.0.0.11"), "s1"},
		{"foreign MAC still demuxed", frame4(otherMAC, peerMAC, "10.0.0.100", "10.0.0.11"), "s1"},
		{"broadcast MAC, unicast IP", frame4(bc, peerMAC, "10.0.0.100", "10.0.0.11"), "s1 s2 host"},
		{"broadcast IP, unicast MAC", frame4(masterMAC, peerMAC, "10.0.0.100", "10.0.0.255"), "host"},
		{"ARP request", arpFrame(bc, 1, peerMAC, "10.0.0.100", "10.0.0.11"), "s1 s2 host"},
		{"unicast ARP to s2", arpFrame(masterMAC, 1, peerMAC, "10.0.0.100", "10.0.0.12"), "s2"},
		{"unicast ARP to nobody", arpFrame(masterMAC, 2, peerMAC, "10.0.0.100", "10.0.0.99"), "host"},
		{"reflected ARP of s2", arpFrame(bc, 1, masterMAC, "10.0.0.12", "10.0.0.99"), "host"},
		{"reflected ARP of the host", arpFrame(bc, 1, masterMAC, "10.0.0.1", "10.0.0.99"), "s1 s2 host"},
		{"reflected unknown ethertype", linktest.Frame(bc, masterMAC, 0x9999, make([]byte, 46)), "s1 s2 host"},
		{"joined group", frame4(linktest.GroupMAC(ip("239.1.1.1")), peerMAC, "10.0.0.100", "239.1.1.1"), "s1 host"},
		{"unjoined group", frame4(linktest.GroupMAC(ip("239.9.9.9")), peerMAC, "10.0.0.100", "239.9.9.9"), "host"},
		{"NS to the group", ns(snm, peerMAC, "fd00::100", "ff02::1:ff00:11", "fd00::11"), "s1 host"},
		{"DAD NS reflected", ns(snm, masterMAC, "::", "ff02::1:ff00:11", "fd00::11"), "host"},
		{"DAD NS from outside", ns(snm, peerMAC, "::", "ff02::1:ff00:11", "fd00::11"), "s1 host"},
		{"unicast NS", ns(masterMAC, peerMAC, "fd00::100", "fd00::12", "fd00::12"), "s2"},
		{"ICMPv6 echo from ::", linktest.Frame(masterMAC, peerMAC, 0x86dd, linktest.ICMPv6(ip("::"), ip("fd00::11"), 128, make([]byte, 4))), "host"},
		{"UDP from ::", frame4(masterMAC, peerMAC, "::", "fd00::11"), "s1"},
		{"IPv6 payload length too big", broken(frame4(masterMAC, peerMAC, "fd00::100", "fd00::11"), 4, 0xff), "s1"},
		{"PAUSE", linktest.Frame(linktest.MAC{1, 0x80, 0xc2, 0, 0, 1}, peerMAC, 0x8808, make([]byte, 46)), "host"},
		{"other ethertype", linktest.Frame(masterMAC, peerMAC, 0x88cc, make([]byte, 46)), "host"},
	}, l.master.Receive)
	l.dev[1].SetFilter(link.Filter{All: true})
	l.run([]stimulus{
		{"PAUSE, though all is wanted", linktest.Frame(linktest.MAC{1, 0x80, 0xc2, 0, 0, 1}, peerMAC, 0x8808, make([]byte, 46)), "host"},
		{"any group, where all is wanted", linktest.Frame(linktest.MAC{1, 0x80, 0xc2, 0, 0, 0}, peerMAC, 0x88cc, make([]byte, 46)), "s2 host"},
		{"priority tag", linktest.Tag(frame4(masterMAC, peerMAC, "10.0.0.100", "10.0.0.11"), 0x8100, 0), "s1"},
		{"VLAN 5", linktest.Tag(frame4(masterMAC, peerMAC, "10.0.0.100", "10.0.0.11"), 0x8100, 5), "s1"},
		{"wrong header checksum", broken(frame4(masterMAC, peerMAC, "10.0.0.100", "10.0.0.11"), 10, 0xee), "s1"},
	}, l.master.Receive)
}

// The host's recorder gets what is malformed only where the checksum of its IP
// header is not wrong as well; bytes that are no IP are not verified.
func TestReceiveMalformed(t *testing.T) {
	for _, mode := range []link.Mode{link.ModeL2, link.ModeL3} {
		l := newLab(t, link.MasterOptions{Mode: mode})
		good := func() []byte { return frame4(masterMAC, peerMAC, "10.0.0.100", "10.0.0.11") }
		good6 := func() []byte { return frame4(masterMAC, peerMAC, "fd00::100", "fd00::11") }
		cases := []struct {
			reason string
			frame  []byte
		}{
			{"ip-version", broken(good(), 0, 0x55)},
			{"ip-header-length", broken(good(), 0, 0x44)},
			{"ip-total-length", broken(good(), 2, 0xff)},
			{"ip-total-length", broken(broken(good(), 2, 0), 3, 19)},
			{"truncated", good()[:10+14+19]},
			{"truncated", good()[:10+14]},
			{"ip-version", broken(good6(), 0, 0x40)},
			{"truncated", good6()[:10+14+39]},
			{"truncated", arpFrame(masterMAC, 1, peerMAC, "10.0.0.100", "10.0.0.11")[:10+14+27]},
			{"short", good()[:10+13]},
			{"short", nil},
			{"vnet-header", append([]byte{1, 1, 0, 0, 0, 0, 0xff, 0xff, 0, 0}, good()[10:]...)},
		}
		for _, c := range cases {
			before := l.master.Stats().Drops[c.reason]
			l.master.Receive(c.frame)
			if got := l.master.Stats().Drops[c.reason]; got != before+1 {
				t.Errorf("%v: %d bytes counted %d times as %s, want once: %v", mode, len(c.frame), got-before, c.reason, l.master.Stats().Drops)
			}
			for _, who := range l.settle() {
				if who != "host" {
					t.Errorf("%v: a malformed frame (%s) reached %s", mode, c.reason, who)
				}
			}
		}
	}
}

func TestReceiveL3(t *testing.T) {
	l := newLab(t, link.MasterOptions{Mode: link.ModeL3})
	bc := linktest.Broadcast()
	l.dev[0].SetFilter(link.Filter{All: true})
	l.run([]stimulus{
		{"unicast", frame4(masterMAC, peerMAC, "10.0.0.100", "10.0.0.11"), "s1"},
		{"broadcast MAC, unicast IP", frame4(bc, peerMAC, "10.0.0.100", "10.0.0.11"), "s1"},
		{"multicast MAC, unicast IP", frame4(linktest.GroupMAC(ip("239.1.1.1")), peerMAC, "10.0.0.100", "10.0.0.12"), "s2"},
		{"ARP request for s1", arpFrame(bc, 1, peerMAC, "10.0.0.100", "10.0.0.11"), "s1"},
		{"ARP request for the master", arpFrame(bc, 1, peerMAC, "10.0.0.100", "10.0.0.1"), "host"},
		{"limited broadcast", frame4(bc, peerMAC, "10.0.0.100", "255.255.255.255"), "host"},
		{"multicast", frame4(linktest.GroupMAC(ip("239.1.1.1")), peerMAC, "10.0.0.100", "239.1.1.1"), "host"},
		{"NS to the group", ns(linktest.GroupMAC(ip("ff02::1:ff00:11")), peerMAC, "fd00::100", "ff02::1:ff00:11", "fd00::11"), "host"},
		{"DAD NS", ns(linktest.GroupMAC(ip("ff02::1:ff00:11")), peerMAC, "::", "ff02::1:ff00:11", "fd00::11"), "s1"},
		{"unicast NS", ns(masterMAC, peerMAC, "fd00::100", "fd00::11", "fd00::11"), "s1"},
		{"own source MAC", frame4(masterMAC, masterMAC, "10.0.0.12", "10.0.0.11"), "s1"},
	}, l.master.Receive)
}

func TestTransmitL2(t *testing.T) {
	bc := linktest.Broadcast()
	mc := linktest.GroupMAC(ip("239.9.9.9"))
	cases := []struct {
		stimulus
		private, vepa string
	}{
		{stimulus{"to the wire", frame4(peerMAC, masterMAC, "10.0.0.11", "10.0.0.100"), "wire"}, "wire", "wire"},
		{stimulus{"to a sibling", frame4(masterMAC, masterMAC, "10.0.0.11", "10.0.0.12"), "s2"}, "", "wire"},
		{stimulus{"to itself", frame4(masterMAC, masterMAC, "10.0.0.11", "10.0.0.11"), "s1"}, "", "wire"},
		{stimulus{"to a sibling's IP at a foreign MAC", frame4(peerMAC, masterMAC, "10.0.0.11", "10.0.0.12"), "wire"}, "wire", "wire"},
		{stimulus{"to the host", frame4(masterMAC, masterMAC, "10.0.0.11", "10.0.0.1"), "host"}, "host", "wire"},
		{stimulus{"spoofed source MAC", frame4(masterMAC, otherMAC, "10.0.0.11", "10.0.0.12"), "wire"}, "wire", "wire"},
		{stimulus{"ARP broadcast", arpFrame(bc, 1, masterMAC, "10.0.0.11", "10.0.0.12"), "s2 wire"}, "s2 wire", "s2 wire"},
		{stimulus{"ARP reply", arpFrame(masterMAC, 2, masterMAC, "10.0.0.11", "10.0.0.12"), "s2"}, "", "wire"},
		{stimulus{"unjoined group", frame4(mc, masterMAC, "10.0.0.11", "239.9.9.9"), "wire"}, "wire", "wire"},
		{stimulus{"both MACs broadcast", frame4(bc, bc, "10.0.0.11", "10.0.0.255"), "s1 s2 host"}, "s1 s2 host", "s2 wire"},
		{stimulus{"other ethertype", linktest.Frame(peerMAC, masterMAC, 0x9999, make([]byte, 46)), "wire"}, "wire", "wire"},
		{stimulus{"PAUSE", linktest.Frame(linktest.MAC{1, 0x80, 0xc2, 0, 0, 1}, masterMAC, 0x8808, make([]byte, 46)), ""}, "", ""},
		{stimulus{"tagged to a sibling", linktest.Tag(frame4(masterMAC, masterMAC, "10.0.0.11", "10.0.0.12"), 0x8100, 5), "s2"}, "s2", "wire"},
		{stimulus{"tagged to the wire", linktest.Tag(frame4(peerMAC, masterMAC, "10.0.0.11", "10.0.0.100"), 0x8100, 5), "wire"}, "wire", "wire"},
	}
	for flag, pick := range map[link.Flag]func(i int) string{
		link.FlagBridge:  func(i int) string { return cases[i].want },
		link.FlagPrivate: func(i int) string { return cases[i].private },
		link.FlagVEPA:    func(i int) string { return cases[i].vepa },
	} {
		l := newLab(t, link.MasterOptions{Mode: link.ModeL2, Flag: flag})
		for i, c := range cases {
			l.dev[0].Transmit(c.frame)
			l.want(flag.String()+": "+c.name, strings.Fields(pick(i))...)
		}
	}
}

func TestReceivePathOfTransmitHonoursMTU(t *testing.T) {
	l := newLab(t, link.MasterOptions{Mode: link.ModeL2})
	l.dev[1].SetMTU(600)
	for size, want := range map[int]string{604 - 28: "s2", 605 - 28: ""} {
		frame := linktest.Frame(masterMAC, masterMAC, 0x0800, udpPacket("10.0.0.11", "10.0.0.12", size))
		l.dev[0].Transmit(frame)
		l.want("IP length "+string(rune('0'+size%10)), strings.Fields(want)...)
		l.master.Receive(frame)
		l.want("from the wire", "s2")
	}
	if got := l.dev[1].Stats().Drops["mtu"]; got != 1 {
		t.Errorf("receiver counted %d, want 1", got)
	}
}
