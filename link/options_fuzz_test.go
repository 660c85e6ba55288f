package link

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/ipvl/ipvl/link/linktest"
	"github.com/ipvl/ipvl/link/vnet"
	"gvisor.dev/gvisor/pkg/tcpip/checksum"
)

var (
	fuzzMAC  = MAC{2, 0, 0, 0, 0, 1}
	fuzzPeer = MAC{2, 0, 0, 0, 0, 2}
)

// fuzzView has a device with 10.0.0.11 and fd00::11, and a sibling.
func fuzzView() (*view, *Device) {
	v, d, sibling := &view{mac: fuzzMAC}, &Device{id: 1}, &Device{id: 2}
	for a, o := range map[string]*Device{"10.0.0.11": d, "fd00::11": d, "10.0.0.12": sibling, "fd00::12": sibling} {
		v.with(netip.MustParseAddr(a), o)
	}
	return v, d
}

// optionSeeds adds frames of every kind that the options look into, in byte form.
func optionSeeds(f *testing.F) {
	a, b := netip.MustParseAddr("10.0.0.11"), netip.MustParseAddr("10.0.0.12")
	c, d := netip.MustParseAddr("fd00::11"), netip.MustParseAddr("fd00::12")
	group, none := linktest.SolicitedNode(c), netip.IPv6Unspecified()
	frame := func(etherType uint16, payload []byte) []byte {
		return linktest.Frame(fuzzMAC, fuzzMAC, etherType, payload)
	}
	for _, seed := range [][]byte{
		frame(0x0800, linktest.UDP(netip.AddrPortFrom(a, 1), netip.AddrPortFrom(b, 2), make([]byte, 8))),
		frame(0x0800, linktest.UDP(netip.AddrPortFrom(netip.IPv4Unspecified(), 68), netip.AddrPortFrom(b, 67), make([]byte, 8))),
		frame(0x0800, linktest.IPv4(a, b, 1, []byte{8, 0, 0, 0})),
		frame(0x0806, linktest.ARP(1, fuzzMAC, a, fuzzMAC, b)),
		linktest.Frame(linktest.Broadcast(), fuzzPeer, 0x0806, linktest.ARP(1, fuzzPeer, b, MAC{}, a)),
		frame(0x86dd, linktest.NS(c, d, d, fuzzMAC)),
		frame(0x86dd, linktest.NA(c, d, c, fuzzMAC)),
		linktest.Frame(linktest.GroupMAC(group), fuzzPeer, 0x86dd, linktest.NS(none, group, c, fuzzPeer)),
		linktest.Frame(linktest.GroupMAC(group), fuzzPeer, 0x86dd, linktest.NS(d, group, c, fuzzPeer)),
		frame(0x86dd, linktest.IPv6(c, d, 60, append([]byte{58, 0, 1, 4, 0, 0, 0, 0}, make([]byte, 24)...))),
		frame(0x86dd, linktest.IPv6(c, d, 44, append([]byte{58, 0, 0, 1, 0, 0, 0, 0}, make([]byte, 24)...))),
		linktest.Tag(frame(0x0800, linktest.IPv4(a, b, 17, make([]byte, 8))), 0x8100, 0),
	} {
		f.Add(seed)
	}
}

// look parses a fuzzed frame as Receive does.
func look(frame []byte) (m meta, ok bool) {
	_, ok = new(Master).open(frame, 0, &m)
	return m, ok
}

// What the guard lets through has the master's MAC address and a source of the
// device, or none, and it judges the first bytes of a plain frame as the whole.
func FuzzGuard(f *testing.F) {
	optionSeeds(f)
	v, d := fuzzView()
	f.Fuzz(func(t *testing.T, frame []byte) {
		m, ok := look(frame)
		if !ok {
			return
		}
		eth := frame[vnet.HeaderLen:]
		passes := v.permits(d, &m, eth)
		if m.plain(head(eth)) && v.permits(d, &m, head(eth)) != passes {
			t.Fatalf("the head alone is judged otherwise: % x", eth)
		}
		if !passes {
			return
		}
		l3 := eth[m.l3:]
		own := false
		switch m.etherType {
		case etherIPv4:
			own = m.v4src == 0 || v.v4.get(be32(l3[12:])) == d
		case etherARP:
			own = MAC(l3[8:14]) == v.mac && (m.v4src == 0 || v.v4.get(m.v4src) == d)
		case etherIPv6:
			src := load6(l3[8:])
			own = src == key6{} || v.v6.get(src) == d
		}
		if !own || m.src != v.mac || m.vlan != 0 {
			t.Fatalf("passed: % x", eth)
		}
	})
}

// An answer is a frame that is no question, from the master to who asked.
func FuzzQuestion(f *testing.F) {
	optionSeeds(f)
	v, _ := fuzzView()
	f.Fuzz(func(t *testing.T, frame []byte) {
		m, ok := look(frame)
		if !ok {
			return
		}
		q, ok := m.question(v, frame)
		if !ok {
			return
		}
		out := q.answer(nil, v.mac)
		a, ok := look(out)
		if !ok || a.src != v.mac || a.kind == kindNone {
			t.Fatalf("answer % x to % x", out, frame)
		}
		if _, again := a.question(v, out); again {
			t.Fatalf("the answer is a question: % x", out)
		}
		if !bytes.Contains(frame, q.target.AsSlice()) || !vnet.Intact(out) {
			t.Fatalf("answer % x about %v", out, q.target)
		}
	})
}

// An error is whole, and there is no error about it.
func FuzzICMPError(f *testing.F) {
	optionSeeds(f)
	f.Fuzz(func(t *testing.T, frame []byte) {
		q, ok := QueryOf(frame)
		if !ok || !mayComplain(frame[vnet.HeaderLen:]) {
			return
		}
		e := ICMPError{Type: 3, Code: 1, MTU: 1300, From: netip.MustParseAddr("10.0.0.1")}
		if q.Src.Is6() {
			e.Type, e.From = 1, netip.MustParseAddr("fd00::1")
		}
		out := e.about(nil, fuzzMAC, frame[vnet.HeaderLen:])
		back, ok := QueryOf(out)
		if !ok || back.Dst != q.Src || !vnet.Intact(out) || mayComplain(out[vnet.HeaderLen:]) {
			t.Fatalf("error % x about % x", out, frame)
		}
	})
}

// What leaves tidy is as long as its IP header says, without a tag.
func FuzzTidy(f *testing.F) {
	optionSeeds(f)
	f.Fuzz(func(t *testing.T, frame []byte) {
		m, ok := look(frame)
		if !ok || (m.kind != kindIPv4 && m.kind != kindIPv6) {
			return
		}
		out, reason := tidy(&m, frame)
		if reason != reasonNone {
			return
		}
		again, ok := look(out)
		ip := out[vnet.HeaderLen+ethLen:]
		if !ok || again.tagged || again.kind != m.kind || again.v4dst != m.v4dst || again.v6dst != m.v6dst {
			t.Fatalf("became % x", out)
		}
		if m.kind == kindIPv4 && (int(binary.BigEndian.Uint16(ip[2:])) != len(ip) || checksum.Checksum(ip[:int(ip[0]&0xf)*4], 0) != 0xffff) {
			t.Fatalf("header of % x", ip)
		}
	})
}
