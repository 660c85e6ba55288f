package link_test

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/ipvl/ipvl/link"
	"github.com/ipvl/ipvl/link/linktest"
	"github.com/ipvl/ipvl/link/vnet"
)

// fakeRouter answers by the last byte of the destination.
type fakeRouter struct {
	hop  func(q link.Query) link.Hop
	held [][]byte
	full bool
}

func (r *fakeRouter) Next(q link.Query) link.Hop { return r.hop(q) }

func (r *fakeRouter) Hold(_ link.Hop, frame []byte) bool {
	if !r.full {
		r.held = append(r.held, append([]byte(nil), frame...))
	}
	return !r.full
}

func send(mtu uint32) func(link.Query) link.Hop {
	return func(link.Query) link.Hop {
		return link.Hop{Verdict: link.HopSend, Dst: peerMAC, Src: masterMAC, MTU: mtu}
	}
}

func TestTransmitL3(t *testing.T) {
	cases := []struct {
		stimulus
		private, vepa string
	}{
		{stimulus{"to a sibling", frame4(masterMAC, masterMAC, "10.0.0.11", "10.0.0.12"), "s2"}, "", "wire"},
		{stimulus{"to a sibling v6", frame4(masterMAC, masterMAC, "fd00::11", "fd00::12"), "s2"}, "", "wire"},
		{stimulus{"to the wire", frame4(masterMAC, masterMAC, "10.0.0.11", "10.0.0.100"), "wire"}, "wire", "wire"},
		{stimulus{"spoofed source", frame4(masterMAC, masterMAC, "192.0.2.1", "10.0.0.100"), "wire"}, "wire", "wire"},
		{stimulus{"multicast", frame4(linktest.GroupMAC(ip("224.0.0.1")), masterMAC, "10.0.0.11", "224.0.0.1"), ""}, "", ""},
		{stimulus{"group MAC, a sibling's IP", frame4(linktest.Broadcast(), masterMAC, "10.0.0.11", "10.0.0.12"), "s2"}, "", ""},
		{stimulus{"ARP for a sibling", arpFrame(linktest.Broadcast(), 1, masterMAC, "10.0.0.11", "10.0.0.12"), "s2"}, "", ""},
		{stimulus{"ARP for another", arpFrame(masterMAC, 1, masterMAC, "10.0.0.11", "10.0.0.99"), ""}, "", ""},
		{stimulus{"other ethertype", linktest.Frame(masterMAC, masterMAC, 0x9999, make([]byte, 46)), ""}, "", ""},
		{stimulus{"tagged", linktest.Tag(frame4(masterMAC, masterMAC, "10.0.0.11", "10.0.0.12"), 0x8100, 5), ""}, "", ""},
		{stimulus{"too big total length to a sibling", broken(frame4(masterMAC, masterMAC, "10.0.0.11", "10.0.0.12"), 2, 0xff), "wire"}, "wire", "wire"},
		{stimulus{"total length 14 too big", broken(frame4(masterMAC, masterMAC, "10.0.0.11", "10.0.0.12"), 3, 68+14), "s2"}, "", "wire"},
		{stimulus{"total length 15 too big", broken(frame4(masterMAC, masterMAC, "10.0.0.11", "10.0.0.12"), 3, 68+15), "wire"}, "wire", "wire"},
		{stimulus{"IHL 4", broken(frame4(masterMAC, masterMAC, "10.0.0.11", "10.0.0.100"), 0, 0x44), ""}, "", ""},
		{stimulus{"half a header", frame4(masterMAC, masterMAC, "10.0.0.11", "10.0.0.100")[:10+14+10], ""}, "", ""},
		{stimulus{"half an IPv6 header", frame4(masterMAC, masterMAC, "fd00::11", "fd00::100")[:10+14+30], ""}, "", ""},
	}
	for flag, pick := range map[link.Flag]func(i int) string{
		link.FlagBridge:  func(i int) string { return cases[i].want },
		link.FlagPrivate: func(i int) string { return cases[i].private },
		link.FlagVEPA:    func(i int) string { return cases[i].vepa },
	} {
		l := newLab(t, link.MasterOptions{Flag: flag, Router: &fakeRouter{hop: send(1500)}})
		for i, c := range cases {
			l.dev[0].Transmit(append([]byte(nil), c.frame...))
			l.want(flag.String()+": "+c.name, strings.Fields(pick(i))...)
		}
	}
}

// What leaves has the Router's MAC addresses, the same TTL, and the length and
// header checksum that the kernel's ip_local_out would give it.
func TestRoutedFrameIsRewritten(t *testing.T) {
	l := newLab(t, link.MasterOptions{Router: &fakeRouter{hop: func(link.Query) link.Hop {
		return link.Hop{Verdict: link.HopSend, Dst: peerMAC, Src: otherMAC}
	}}})
	frame := frame4(masterMAC, masterMAC, "10.0.0.11", "10.0.0.100")
	frame[10+14+8] = 1 // TTL
	frame[10+14+2] = 0xff
	l.dev[0].Transmit(frame)
	out := l.wire.Take()
	if out == nil {
		t.Fatal("nothing left")
	}
	eth := out[vnet.HeaderLen:]
	if link.MAC(eth[0:6]) != peerMAC || link.MAC(eth[6:12]) != otherMAC {
		t.Errorf("MAC addresses % x", eth[:12])
	}
	hdr := eth[14:34]
	if hdr[8] != 1 || binary.BigEndian.Uint16(hdr[2:]) != 68 || linktest.Checksum(hdr, 0) != 0 {
		t.Errorf("header % x", hdr)
	}
	l.dev[0].Transmit(broken(frame4(masterMAC, masterMAC, "fd00::11", "fd00::100"), 5, 3))
	if ip := l.wire.Take()[vnet.HeaderLen+14:]; binary.BigEndian.Uint16(ip[4:]) != 48 || ip[7] != 64 {
		t.Errorf("IPv6 header % x", ip[:40])
	}
}

func TestRouterVerdicts(t *testing.T) {
	router := &fakeRouter{}
	l := newLab(t, link.MasterOptions{Router: router})
	frame := func() []byte { return frame4(masterMAC, masterMAC, "10.0.0.11", "10.0.0.100") }
	verdict := func(v link.HopVerdict) { router.hop = func(link.Query) link.Hop { return link.Hop{Verdict: v} } }

	verdict(link.HopWait)
	l.dev[0].Transmit(frame())
	if l.want("wait"); len(router.held) != 1 {
		t.Errorf("%d frames held, want 1", len(router.held))
	}
	router.full = true
	l.dev[0].Transmit(frame())
	l.want("wait, full")
	verdict(link.HopLocal)
	l.dev[0].Transmit(frame())
	l.want("local", "host")
	verdict(link.HopDrop)
	l.dev[0].Transmit(frame())
	l.want("drop")
	l.master.SetRouter(nil)
	l.dev[0].Transmit(frame())
	l.want("no router")
	drops := l.dev[0].Stats().Drops
	for _, reason := range []string{"neighbour", "route", "no-router"} {
		if drops[reason] != 1 {
			t.Errorf("%s counted %d times, want 1: %v", reason, drops[reason], drops)
		}
	}
}

// The MAC addresses of what a device sends to the host in L3 mean nothing.
func TestLocalWhateverTheMAC(t *testing.T) {
	host := linktest.NewPort(0)
	l := newLab(t, link.MasterOptions{Host: host, Router: &fakeRouter{hop: func(link.Query) link.Hop {
		return link.Hop{Verdict: link.HopLocal}
	}}})
	l.dev[0].Transmit(frame4(otherMAC, masterMAC, "10.0.0.11", "10.0.0.1"))
	if f := host.Take(); f == nil || link.MAC(f[10:16]) != masterMAC {
		t.Errorf("% x, drops %v", f, l.dev[0].Stats().Drops)
	}
}

// What leaves elsewhere goes to its port, finished, and cut to the MTU there.
func TestElsewhere(t *testing.T) {
	router := &fakeRouter{hop: func(link.Query) link.Hop { return link.Hop{Verdict: link.HopElsewhere, Index: 7, MTU: 1400} }}
	for want := range 2 {
		port, o := linktest.NewPort(0), link.MasterOptions{Router: router}
		if want == 1 {
			o.Elsewhere = port
		}
		l := newLab(t, o)
		l.dev[0].Transmit(frame4(masterMAC, masterMAC, "fd00::11", "2001:db8::1"))
		l.dev[0].Transmit(linktest.Frame(masterMAC, masterMAC, 0x86dd, udpPacket("fd00::11", "2001:db8::1", 1452)))
		l.want("elsewhere")
		if port.Len() != want {
			t.Errorf("%d frames left elsewhere, want %d", port.Len(), want)
		}
		drops := l.dev[0].Stats().Drops
		if drops["mtu"] != 1 || drops["route"] != uint64(1-want) {
			t.Errorf("drops %v", drops)
		}
	}
}

func TestQueryReadsThePacket(t *testing.T) {
	var got link.Query
	router := &fakeRouter{hop: func(q link.Query) link.Hop { got = q; return link.Hop{} }}
	l := newLab(t, link.MasterOptions{Router: router})
	f4 := frame4(masterMAC, masterMAC, "10.0.0.11", "192.0.2.7")
	f4[10+14+1] = 0xb8
	l.dev[0].Transmit(f4)
	if got.Dst != ip("192.0.2.7") || got.Src != ip("10.0.0.11") || got.TOS != 0xb8 || got.Proto != 17 {
		t.Errorf("IPv4: %+v", got)
	}
	f6 := frame4(masterMAC, masterMAC, "fd00::11", "2001:db8::7")
	f6[10+14], f6[10+14+1] = 0x6b, 0x80
	l.dev[0].Transmit(f6)
	if got.Dst != ip("2001:db8::7") || got.Src != ip("fd00::11") || got.TOS != 0xb8 || got.Proto != 17 {
		t.Errorf("IPv6: %+v", got)
	}
}

func TestRoutedOverMTU(t *testing.T) {
	l := newLab(t, link.MasterOptions{Router: &fakeRouter{hop: send(1400)}})
	big := func(src, dst string) []byte {
		return linktest.Frame(masterMAC, masterMAC, linktest.EtherType(ip(dst)), udpPacket(src, dst, 1452))
	}
	l.dev[0].Transmit(big("10.0.0.11", "10.0.0.100"))
	l.want("IPv4 without DF", "wire", "wire")
	df := big("10.0.0.11", "10.0.0.100")
	df[10+14+6] = 0x40
	l.dev[0].Transmit(df)
	l.want("IPv4 with DF")
	l.dev[0].Transmit(big("fd00::11", "fd00::100"))
	l.want("IPv6")
	if got := l.dev[0].Stats().Drops["mtu"]; got != 2 {
		t.Errorf("counted %d, want 2", got)
	}
}
