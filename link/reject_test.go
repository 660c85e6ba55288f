package link_test

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"github.com/ipvl/ipvl/link"
	"github.com/ipvl/ipvl/link/linktest"
	"gvisor.dev/gvisor/pkg/tcpip/faketime"
)

// rejecting answers every query with one hop.
func rejecting(h link.Hop) *fakeRouter {
	return &fakeRouter{hop: func(link.Query) link.Hop { return h }}
}

func reject(typ, code uint8, from string) link.Hop {
	return link.Hop{Verdict: link.HopReject, ICMP: link.ICMPError{Type: typ, Code: code, From: ip(from)}}
}

// checkError checks that f is the error about the IP packet of sent: all of
// it but the quote, and that the quote is how it begins.
func checkError(t *testing.T, f, sent []byte, from string, typ, code byte, rest uint32, limit int) {
	t.Helper()
	ipPacket, quoted := f[24:], sent[24:]
	hdr, proto, src, dst := 20, ipPacket[9], ipPacket[12:16], quoted[12:16]
	sum := linktest.Checksum(ipPacket[20:], 0)
	if ip(from).Is6() {
		hdr, proto, src, dst = 40, ipPacket[6], ipPacket[8:24], quoted[8:24]
		sum = linktest.Checksum(cat(src, ipPacket[24:40], []byte{0, 0, byte(len(ipPacket[40:]) >> 8), byte(len(ipPacket[40:])), 0, 0, 0, 58}, ipPacket[40:]), 0)
	} else if linktest.Checksum(ipPacket[:20], 0) != 0 || int(binary.BigEndian.Uint16(ipPacket[2:])) != len(ipPacket) {
		t.Errorf("IPv4 header % x of %d bytes", ipPacket[:20], len(ipPacket))
	}
	icmp := ipPacket[hdr:]
	switch {
	case !bytes.Equal(f[10:22], append(masterMAC[:], masterMAC[:]...)):
		t.Errorf("MAC addresses % x", f[10:22])
	case !bytes.Equal(src, ip(from).AsSlice()) || !bytes.Equal(ipPacket[hdr-len(dst):hdr], dst):
		t.Errorf("addresses in % x", ipPacket[:hdr])
	case sum != 0 || (proto != 1 && proto != 58):
		t.Errorf("protocol %d, checksum off by %04x", proto, sum)
	case icmp[0] != typ || icmp[1] != code || binary.BigEndian.Uint32(icmp[4:]) != rest:
		t.Errorf("says % x, want %d/%d %x", icmp[:8], typ, code, rest)
	case !bytes.HasPrefix(quoted, icmp[8:]) || len(ipPacket) != min(limit, hdr+8+len(quoted)):
		t.Errorf("quotes %d bytes of %d: % x", len(icmp)-8, len(quoted), icmp[8:])
	}
}

func TestRejectTellsTheSender(t *testing.T) {
	for _, size := range []int{40, 1400} {
		l := newLab(t, link.MasterOptions{Router: rejecting(reject(3, 13, "10.0.0.1"))})
		f4 := linktest.Frame(masterMAC, masterMAC, 0x0800, udpPacket("10.0.0.11", "192.0.2.1", size))
		l.dev[0].Transmit(bytes.Clone(f4))
		checkError(t, l.ports[0].Next(t), f4, "10.0.0.1", 3, 13, 0, 576)
		f6 := linktest.Frame(masterMAC, masterMAC, 0x86dd, udpPacket("fd00::11", "2001:db8::1", size))
		l.master.SetRouter(rejecting(reject(1, 1, "fd00::1")))
		l.dev[0].Transmit(bytes.Clone(f6))
		checkError(t, l.ports[0].Next(t), f6, "fd00::1", 1, 1, 0, 1280)
		if got := l.dev[0].Stats().Drops["route"]; got != 2 {
			t.Errorf("counted %d, want 2", got)
		}
	}
}

func TestOverMTUTellsTheSender(t *testing.T) {
	tell := func(mtu uint32, from string) *fakeRouter {
		return rejecting(link.Hop{Verdict: link.HopSend, Dst: peerMAC, Src: masterMAC, MTU: mtu, ICMP: link.ICMPError{From: ip(from)}})
	}
	l := newLab(t, link.MasterOptions{Router: tell(1400, "10.0.0.1")})
	f4 := linktest.Frame(masterMAC, masterMAC, 0x0800, udpPacket("10.0.0.11", "192.0.2.1", 1452))
	l.dev[0].Transmit(bytes.Clone(f4))
	l.want("without DF", "wire", "wire")
	remend(broken(f4, 6, 0x40))
	l.dev[0].Transmit(bytes.Clone(f4))
	checkError(t, l.ports[0].Next(t), f4, "10.0.0.1", 3, 4, 1400, 576)
	l.master.SetRouter(tell(1300, "fd00::1"))
	f6 := linktest.Frame(masterMAC, masterMAC, 0x86dd, udpPacket("fd00::11", "2001:db8::1", 1400))
	l.dev[0].Transmit(bytes.Clone(f6))
	checkError(t, l.ports[0].Next(t), f6, "fd00::1", 2, 0, 1300, 1280)
	l.want("nothing else")
	if got := l.dev[0].Stats().Drops["mtu"]; got != 2 {
		t.Errorf("counted %d, want 2", got)
	}
}

// Nobody is told of what RFC 1812 section 4.3.2.7 and RFC 4443 section 2.4 name,
// nor where there is nobody to tell it.
func TestNobodyIsTold(t *testing.T) {
	packet := func(src, dst string, proto byte, body ...byte) []byte {
		return linktest.Frame(masterMAC, masterMAC, linktest.EtherType(ip(dst)), linktest.IP(ip(src), ip(dst), proto, body))
	}
	l := newLab(t, link.MasterOptions{})
	for _, c := range []struct {
		name, from string
		frame      []byte
		told       bool
	}{
		{"echo", "10.0.0.1", packet("10.0.0.11", "192.0.2.1", 1, 8, 0, 0, 0), true},
		{"unreachable", "10.0.0.1", packet("10.0.0.11", "192.0.2.1", 1, 3, 1, 0, 0), false},
		{"redirect", "10.0.0.1", packet("10.0.0.11", "192.0.2.1", 1, 5, 1, 0, 0), false},
		{"ICMP without a type", "10.0.0.1", packet("10.0.0.11", "192.0.2.1", 1), false},
		{"first fragment", "10.0.0.1", broken(packet("10.0.0.11", "192.0.2.1", 17, make([]byte, 8)...), 6, 0x20), true},
		{"later fragment", "10.0.0.1", broken(packet("10.0.0.11", "192.0.2.1", 17, make([]byte, 8)...), 7, 1), false},
		{"group", "10.0.0.1", packet("10.0.0.11", "224.0.0.1", 17), false},
		{"broadcast", "10.0.0.1", packet("10.0.0.11", "255.255.255.255", 17), false},
		{"no source", "10.0.0.1", packet("0.0.0.0", "192.0.2.1", 17), false},
		{"a sibling's source", "10.0.0.1", packet("10.0.0.12", "192.0.2.1", 17), false},
		{"of the other family", "fd00::1", packet("10.0.0.11", "192.0.2.1", 17), false},
		{"echo v6", "fd00::1", packet("fd00::11", "2001:db8::1", 58, 128, 0, 0, 0), true},
		{"error v6", "fd00::1", packet("fd00::11", "2001:db8::1", 58, 1, 0, 0, 0), false},
		{"redirect v6", "fd00::1", packet("fd00::11", "2001:db8::1", 58, 137, 0, 0, 0), false},
		{"group v6", "fd00::1", packet("fd00::11", "ff02::1", 17), false},
		{"from ::", "fd00::1", packet("::", "2001:db8::1", 17), false},
		{"later fragment v6", "fd00::1", behind(packet("fd00::11", "2001:db8::1", 17), 44, [6]byte{0, 8}), false},
		{"headers cut off", "fd00::1", behind(packet("fd00::11", "2001:db8::1", 17), 60, [6]byte{9}), false},
	} {
		l.master.SetRouter(rejecting(reject(3, 1, c.from)))
		l.dev[0].Transmit(c.frame)
		if got := l.settle(); len(got) == 1 && got[0] == "s1" != c.told || !c.told && len(got) > 0 || c.told && len(got) == 0 {
			t.Errorf("%s: %v, want told %v", c.name, got, c.told)
		}
	}
	l.master.SetRouter(rejecting(link.Hop{Verdict: link.HopReject}))
	l.dev[0].Transmit(packet("10.0.0.11", "192.0.2.1", 17))
	l.want("without an address to speak from")
}

// What the Router held and gives up is the source's.
func TestReject(t *testing.T) {
	l := newLab(t, link.MasterOptions{})
	f := frame4(masterMAC, masterMAC, "10.0.0.12", "10.0.0.100")
	e := link.ICMPError{Type: 3, Code: 1, From: ip("10.0.0.1")}
	l.master.Reject(f, e)
	checkError(t, l.ports[1].Next(t), f, "10.0.0.1", 3, 1, 0, 576)
	l.master.Reject(frame4(masterMAC, masterMAC, "10.0.0.99", "10.0.0.100"), e)
	l.master.Reject(nil, e)
	l.want("of nobody")
	if l.dev[1].Stats().Drops["neighbour"] != 1 || l.master.Stats().Drops["neighbour"] != 1 {
		t.Errorf("device %v, master %v", l.dev[1].Stats().Drops, l.master.Stats().Drops)
	}
}

// In l3s the error is about the packet as the hooks left it, and they take it
// back to the sender.
func TestRejectPassesHooks(t *testing.T) {
	h := &fakeHooks{}
	l := newLab(t, link.MasterOptions{Mode: link.ModeL3S})
	l.master.SetHooks(h)
	h.output = func(f []byte) ([]byte, link.Hop, link.HookReason) {
		copy(f[10+14+12:], ip("10.0.0.1").AsSlice())
		return f, reject(3, 0, "10.0.0.1"), link.HookPass
	}
	h.input = func(f []byte) ([]byte, link.HookReason) {
		if !bytes.Equal(f[10+14+16:][:4], ip("10.0.0.1").AsSlice()) {
			t.Errorf("not for whom the packet was from: % x", f)
		}
		out := bytes.Clone(f)
		copy(out[10+14+16:], ip("10.0.0.11").AsSlice())
		return out, link.HookPass
	}
	l.dev[0].Transmit(frame4(masterMAC, masterMAC, "10.0.0.11", "192.0.2.1"))
	l.want("translated back", "s1")
	l.master.Reject(frame4(masterMAC, masterMAC, "10.0.0.1", "192.0.2.1"), link.ICMPError{Type: 3, Code: 1, From: ip("10.0.0.1")})
	l.want("given up", "s1")
	h.input = func([]byte) ([]byte, link.HookReason) { return nil, link.HookDrop }
	l.dev[0].Transmit(frame4(masterMAC, masterMAC, "10.0.0.11", "192.0.2.1"))
	l.want("dropped on its way back")
}

func TestErrorsAreLimited(t *testing.T) {
	clock := faketime.NewManualClock()
	l := newLab(t, link.MasterOptions{Router: rejecting(reject(3, 1, "10.0.0.1")), Clock: clock})
	burst := func(i int, from string, n int) {
		for range n {
			l.dev[i].Transmit(frame4(masterMAC, masterMAC, from, "192.0.2.1"))
		}
	}
	count := func(name string, want int) {
		t.Helper()
		if got := len(l.settle()); got != want {
			t.Errorf("%s: %d errors, want %d", name, got, want)
		}
	}
	burst(0, "10.0.0.11", 200)
	count("at once", 50)
	burst(1, "10.0.0.12", 10)
	count("another device", 10)
	clock.Advance(5 * time.Millisecond)
	burst(0, "10.0.0.11", 200)
	count("after 5 ms", 5)
	clock.Advance(time.Hour)
	burst(0, "10.0.0.11", 200)
	count("after an hour", 50)
}

// A stack that is told the MTU sends what fits: no black hole (T3-37).
func TestPathMTUIsFound(t *testing.T) {
	wire, uplink := linktest.Cable(peerMAC, masterMAC)
	t.Cleanup(wire.Stop)
	router := &fakeRouter{hop: func(q link.Query) link.Hop {
		from := ip("10.0.0.1")
		if q.Dst.Is6() {
			from = ip("fd00::1")
		}
		return link.Hop{Verdict: link.HopSend, Dst: peerMAC, Src: masterMAC, MTU: 1300, ICMP: link.ICMPError{From: from}}
	}}
	m, err := link.NewMaster(uplink, link.MasterOptions{Router: router})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Shutdown)
	peer := plainNode(t, wire, "10.0.0.100/24", "fd00::100/64")
	a, d := deviceNode(t, m, "10.0.0.11/24", "fd00::11/64")
	d.SetFlags(link.DeviceFlags{Proxy: true})
	a.transfer(peer, "fd00::100", payload(1<<17))
	a.transfer(peer, "10.0.0.100", payload(1<<17))
	if got := d.Stats().Drops["mtu"]; got == 0 {
		t.Error("nothing was ever too large")
	}
}
