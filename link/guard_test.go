package link_test

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/ipvl/ipvl/link"
	"github.com/ipvl/ipvl/link/linktest"
)

// sent is a frame and whether a guarded s1 may send it.
type sent struct {
	name  string
	frame []byte
	ok    bool
}

func icmp6(dst linktest.MAC, from, to string, typ byte, body ...byte) []byte {
	return linktest.Frame(dst, masterMAC, 0x86dd, linktest.ICMPv6(ip(from), ip(to), typ, body))
}

// option is a link-layer address option of neighbour discovery.
func option(typ byte, mac linktest.MAC) []byte { return append([]byte{typ, 1}, mac[:]...) }

func cat(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// behind puts an extension header of 8 bytes, of kind typ, in front of the
// payload of an IPv6 frame.
func behind(frame []byte, typ byte, body [6]byte) []byte {
	ip := frame[24:]
	ext := cat([]byte{ip[6], body[0]}, body[1:], []byte{0})
	if typ == 44 {
		ext = cat([]byte{ip[6], 0}, body[:])
	}
	out := cat(frame[:64], ext, frame[64:])
	out[24+6] = typ
	binary.BigEndian.PutUint16(out[24+4:], binary.BigEndian.Uint16(ip[4:])+8)
	return out
}

func guardCases4() []sent {
	bc := linktest.Broadcast()
	dhcp := func(from string, sport, dport uint16) []byte {
		return linktest.Frame(bc, masterMAC, 0x0800, linktest.UDP(addrPort(from, sport), addrPort("255.255.255.255", dport), make([]byte, 240)))
	}
	arp := func(op uint16, src, sha linktest.MAC, spa, tpa string) []byte {
		return linktest.Frame(bc, src, 0x0806, linktest.ARP(op, sha, ip(spa), linktest.MAC{}, ip(tpa)))
	}
	igmp := func(to string) []byte {
		return linktest.Frame(bc, masterMAC, 0x0800, linktest.IPv4(ip("0.0.0.0"), ip(to), 2, make([]byte, 8)))
	}
	own := func() []byte { return frame4(peerMAC, masterMAC, "10.0.0.11", "10.0.0.100") }
	return []sent{
		{"its own", own(), true},
		{"a sibling's address", frame4(peerMAC, masterMAC, "10.0.0.12", "10.0.0.100"), false},
		{"nobody's address", frame4(peerMAC, masterMAC, "10.0.0.99", "10.0.0.100"), false},
		{"a foreign MAC", frame4(peerMAC, otherMAC, "10.0.0.11", "10.0.0.100"), false},
		{"to a sibling, spoofed", frame4(masterMAC, masterMAC, "10.0.0.99", "10.0.0.12"), false},
		{"a later fragment", remend(broken(own(), 7, 9)), true},
		{"a later fragment, spoofed", remend(broken(frame4(peerMAC, masterMAC, "10.0.0.99", "10.0.0.100"), 7, 9)), false},
		{"malformed", broken(own(), 0, 0x44), false},
		{"priority tag", linktest.Tag(own(), 0x8100, 0), true},
		{"priority tag, spoofed", linktest.Tag(frame4(peerMAC, masterMAC, "10.0.0.99", "10.0.0.100"), 0x8100, 0), false},
		{"VLAN 5", linktest.Tag(own(), 0x8100, 5), false},
		{"two tags", linktest.Tag(linktest.Tag(own(), 0x8100, 0), 0x8100, 0), false},
		{"other ethertype", linktest.Frame(peerMAC, masterMAC, 0x88cc, make([]byte, 46)), false},
		{"DHCP client", dhcp("0.0.0.0", 68, 67), true},
		{"DHCP client, own address", dhcp("10.0.0.11", 68, 67), true},
		{"from 0.0.0.0, other ports", dhcp("0.0.0.0", 68, 53), false},
		{"DHCP server without address", dhcp("0.0.0.0", 67, 68), false},
		{"DHCP in fragments", remend(broken(dhcp("0.0.0.0", 68, 67), 6, 0x20)), false},
		{"from 0.0.0.0, ICMP", linktest.Frame(bc, masterMAC, 0x0800, linktest.IPv4(ip("0.0.0.0"), ip("10.0.0.100"), 1, make([]byte, 8))), false},
		{"IGMP", igmp("224.0.0.22"), true},
		{"IGMP unicast", igmp("10.0.0.100"), false},
		{"ARP request", arp(1, masterMAC, masterMAC, "10.0.0.11", "10.0.0.100"), true},
		{"ARP reply", arp(2, masterMAC, masterMAC, "10.0.0.11", "10.0.0.100"), true},
		{"ARP announcement", arp(1, masterMAC, masterMAC, "10.0.0.11", "10.0.0.11"), true},
		{"ARP probe", arp(1, masterMAC, masterMAC, "0.0.0.0", "10.0.0.50"), true},
		{"ARP probe for a sibling's", arp(1, masterMAC, masterMAC, "0.0.0.0", "10.0.0.12"), false},
		{"ARP reply from 0.0.0.0", arp(2, masterMAC, masterMAC, "0.0.0.0", "10.0.0.50"), false},
		{"ARP of a sibling", arp(1, masterMAC, masterMAC, "10.0.0.12", "10.0.0.100"), false},
		{"ARP of the gateway", arp(2, masterMAC, masterMAC, "10.0.0.1", "10.0.0.100"), false},
		{"ARP with a foreign sender", arp(2, masterMAC, otherMAC, "10.0.0.11", "10.0.0.100"), false},
		{"ARP in a foreign frame", arp(2, otherMAC, masterMAC, "10.0.0.11", "10.0.0.100"), false},
		{"RARP", arp(3, masterMAC, masterMAC, "10.0.0.11", "10.0.0.100"), false},
		{"ARP for no Ethernet", broken(arp(1, masterMAC, masterMAC, "10.0.0.11", "10.0.0.100"), 1, 6), false},
	}
}

func guardCases6() []sent {
	all, snm := linktest.GroupMAC(ip("ff02::1")), linktest.GroupMAC(ip("ff02::1:ff00:50"))
	na := func(from, target string, mac linktest.MAC) []byte {
		return linktest.Frame(all, masterMAC, 0x86dd, linktest.NA(ip(from), ip("ff02::1"), ip(target), mac))
	}
	nonce := []byte{14, 1, 1, 2, 3, 4, 5, 6}
	body := func(target string, options ...[]byte) []byte {
		return cat(make([]byte, 4), ip(target).AsSlice(), cat(options...))
	}
	echo := icmp6(peerMAC, "fd00::11", "fd00::100", 128, 0, 0, 0, 0)
	redirect := func(target string, options ...[]byte) []byte {
		return icmp6(all, "fd00::11", "fd00::100", 137, cat(make([]byte, 4), ip(target).AsSlice(), make([]byte, 16), cat(options...))...)
	}
	return []sent{
		{"its own", frame4(peerMAC, masterMAC, "fd00::11", "fd00::100"), true},
		{"nobody's address", frame4(peerMAC, masterMAC, "fd00::99", "fd00::100"), false},
		{"echo", echo, true},
		{"a foreign MAC", frame4(peerMAC, otherMAC, "fd00::11", "fd00::100"), false},
		{"VLAN 5", linktest.Tag(echo, 0x8100, 5), false},
		{"version 4", broken(frame4(peerMAC, masterMAC, "fd00::11", "fd00::100"), 0, 0x40), false},
		{"NS", ns(snm, masterMAC, "fd00::11", "ff02::1:ff00:50", "fd00::50"), true},
		{"NS with a foreign option", icmp6(snm, "fd00::11", "ff02::1:ff00:50", 135, body("fd00::50", option(1, otherMAC))...), false},
		{"NS with a foreign second option", icmp6(snm, "fd00::11", "ff02::1:ff00:50", 135, body("fd00::50", nonce, nonce, nonce, option(1, otherMAC))...), false},
		{"NS with an empty option", icmp6(snm, "fd00::11", "ff02::1:ff00:50", 135, body("fd00::50", make([]byte, 8))...), false},
		{"NS cut off", icmp6(snm, "fd00::11", "ff02::1:ff00:50", 135, make([]byte, 19)...), false},
		{"NA", na("fd00::11", "fd00::11", masterMAC), true},
		{"NA for a sibling", na("fd00::11", "fd00::12", masterMAC), false},
		{"NA for the gateway", na("fd00::11", "fd00::1", masterMAC), false},
		{"NA with a foreign option", na("fd00::11", "fd00::11", otherMAC), false},
		{"NA from ::", na("::", "fd00::11", masterMAC), false},
		{"NA behind an extension header", behind(na("fd00::11", "fd00::1", masterMAC), 60, [6]byte{}), false},
		{"its NA behind an extension header", behind(na("fd00::11", "fd00::11", masterMAC), 60, [6]byte{}), true},
		{"NA behind a header cut off", behind(na("fd00::11", "fd00::1", masterMAC), 60, [6]byte{200}), false},
		{"NA in an atomic fragment", behind(na("fd00::11", "fd00::11", masterMAC), 44, [6]byte{}), false},
		{"echo in a first fragment", behind(echo, 44, [6]byte{0, 1}), true},
		{"a later fragment", behind(echo, 44, [6]byte{0, 8}), true},
		{"a later fragment, spoofed", behind(icmp6(peerMAC, "fd00::99", "fd00::100", 128, 0, 0, 0, 0), 44, [6]byte{0, 8}), false},
		{"RA with its option", icmp6(all, "fd00::11", "ff02::1", 134, cat(make([]byte, 12), option(1, masterMAC))...), true},
		{"RA with a foreign option", icmp6(all, "fd00::11", "ff02::1", 134, cat(make([]byte, 12), option(1, otherMAC))...), false},
		{"redirect to itself", redirect("fd00::11", option(2, masterMAC)), true},
		{"redirect to another", redirect("fd00::100"), false},
		{"DAD", icmp6(snm, "::", "ff02::1:ff00:50", 135, body("fd00::50")...), true},
		{"DAD with a nonce", icmp6(snm, "::", "ff02::1:ff00:50", 135, body("fd00::50", nonce)...), true},
		{"DAD with an address", icmp6(snm, "::", "ff02::1:ff00:50", 135, body("fd00::50", option(1, masterMAC))...), false},
		{"DAD for a sibling's", icmp6(snm, "::", "ff02::1:ff00:12", 135, body("fd00::12")...), false},
		{"DAD to another group", icmp6(snm, "::", "ff02::1", 135, body("fd00::50")...), false},
		{"RS from ::", icmp6(all, "::", "ff02::2", 133, 0, 0, 0, 0), true},
		{"RS", icmp6(all, "fd00::11", "ff02::2", 133, cat(make([]byte, 4), option(1, masterMAC))...), true},
		{"MLD report from ::", behind(icmp6(all, "::", "ff02::16", 143, make([]byte, 24)...), 0, [6]byte{0, 5, 2}), true},
		{"MLD report, unicast", icmp6(peerMAC, "::", "fd00::100", 143, make([]byte, 24)...), false},
		{"echo from ::", icmp6(all, "::", "ff02::1", 128, 0, 0, 0, 0), false},
		{"UDP from ::", frame4(all, masterMAC, "::", "ff02::1"), false},
	}
}

// What a guarded device may send goes out (in L2 or over a master that has a
// router), and all else is counted under guard. Unguarded nothing of it is.
func TestGuard(t *testing.T) {
	l := newLab(t, link.MasterOptions{Mode: link.ModeL2})
	for _, guard := range []bool{true, false} {
		l.dev[0].SetFlags(link.DeviceFlags{Guard: guard})
		for _, c := range append(guardCases4(), guardCases6()...) {
			before := l.dev[0].Stats().Drops["guard"]
			l.dev[0].Transmit(bytes.Clone(c.frame))
			got := len(l.settle())
			if l.dev[0].Stats().Drops["guard"] == before != (c.ok || !guard) {
				t.Errorf("guard %v, %s: wrong verdict, %d went on", guard, c.name, got)
			}
			if c.ok && got == 0 {
				t.Errorf("guard %v, %s: went nowhere", guard, c.name)
			}
			if guard && !c.ok && got != 0 {
				t.Errorf("%s: %d went on", c.name, got)
			}
		}
	}
}

// A registered address counts while it is registered, in every mode.
func TestGuardFollowsRegistration(t *testing.T) {
	for _, mode := range []link.Mode{link.ModeL2, link.ModeL3, link.ModeL3S} {
		l := newLab(t, link.MasterOptions{Mode: mode, Router: &fakeRouter{hop: send(1500)}})
		l.dev[0].SetFlags(link.DeviceFlags{Guard: true})
		transmit := func(want int) {
			t.Helper()
			l.dev[0].Transmit(frame4(peerMAC, masterMAC, "10.0.0.77", "10.0.0.100"))
			if l.wire.Len() != want {
				t.Errorf("%v: %d left, want %d", mode, l.wire.Len(), want)
			}
			l.wire.Take()
		}
		transmit(0)
		if err := l.dev[0].AddAddress(ip("10.0.0.77")); err != nil {
			t.Fatal(err)
		}
		transmit(1)
		l.dev[0].RemoveAddress(ip("10.0.0.77"))
		transmit(0)
	}
}

// A guarded netstack talks on as before; with a source that is not registered
// it does not.
func TestGuardedStack(t *testing.T) {
	wire, uplink := linktest.Cable(peerMAC, masterMAC)
	t.Cleanup(wire.Stop)
	m, err := link.NewMaster(uplink, link.MasterOptions{Mode: link.ModeL2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Shutdown)
	peer := plainNode(t, wire, "10.0.0.100/24", "fd00::100/64")
	a, d := deviceNode(t, m, "10.0.0.11/24", "fd00::11/64")
	d.SetFlags(link.DeviceFlags{Guard: true})
	data := payload(1 << 17)
	for _, to := range []string{"10.0.0.100", "fd00::100"} {
		a.transfer(peer, to, data)
	}
	for _, to := range []string{"10.0.0.11", "fd00::11"} {
		peer.transfer(a, to, data)
	}
	if got := d.Stats().Drops["guard"]; got != 0 {
		t.Errorf("%d of its own were dropped: %v", got, d.Stats().Drops)
	}
	for i, to := range []netip.Addr{ip("10.0.0.11"), ip("fd00::11")} {
		d.RemoveAddress(to)
		peerAddr := []string{"10.0.0.100", "fd00::100"}[i]
		before := d.Stats().Drops["guard"]
		a.udp(peerAddr)
		if got := d.Stats().Drops["guard"]; got == before {
			t.Errorf("from %v, which is not registered: %v", to, d.Stats().Drops)
		}
	}
}
