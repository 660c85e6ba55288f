package stack

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/refs"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/faketime"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/channel"
	"gvisor.dev/gvisor/pkg/tcpip/link/ethernet"
	tcpipstack "gvisor.dev/gvisor/pkg/tcpip/stack"

	"github.com/ipvl/ipvl/stack/fib"
)

func TestMain(m *testing.M) {
	refs.SetLeakMode(refs.LeaksPanic)
	code := m.Run()
	refs.DoLeakCheck()
	os.Exit(code)
}

var (
	masterMAC = [6]byte{2, 0, 0, 0, 0, 1}
	peerMAC   = [6]byte{2, 0, 0, 0, 0, 9}
	otherMAC  = [6]byte{2, 0, 0, 0, 0, 8}
	broadcast = [6]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
)

func ip(s string) netip.Addr       { return netip.MustParseAddr(s) }
func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

// namespace is a host whose master m0 is 10.0.0.1, fe80::1 and 2001:db8::1,
// with another device d0 that has the IPv6 default route.
func namespace() fib.Snapshot {
	via := func(index int, gw string) []fib.NextHop {
		h := fib.NextHop{Index: index}
		if gw != "" {
			h.Via = ip(gw)
		}
		return []fib.NextHop{h}
	}
	return fib.Snapshot{
		Ifaces: []fib.Iface{
			{Index: 2, Name: "m0", MAC: masterMAC, MTU: 1500, Up: true, Running: true},
			{Index: 3, Name: "d0", MTU: 9000, Up: true, Running: true},
		},
		Addrs: []fib.Addr{
			{Index: 2, Prefix: prefix("10.0.0.1/24")}, {Index: 2, Prefix: prefix("10.7.0.1/24")},
			{Index: 2, Prefix: prefix("2001:db8::1/64")}, {Index: 2, Prefix: prefix("fe80::1/64")},
		},
		Routes: []fib.Route{
			{Dst: prefix("10.0.0.1/32"), Table: fib.TableLocal, Type: fib.Local, NextHops: via(2, "")},
			{Dst: prefix("10.0.0.0/24"), Table: fib.TableMain, NextHops: via(2, "")},
			{Dst: prefix("0.0.0.0/0"), Table: fib.TableMain, NextHops: via(2, "10.0.0.254")},
			{Dst: prefix("2001:db8::/64"), Table: fib.TableMain, NextHops: via(2, "")},
			{Dst: prefix("fe80::/64"), Table: fib.TableMain, NextHops: via(2, "")},
			{Dst: prefix("::/0"), Table: fib.TableMain, NextHops: via(3, "fe80::d")},
		},
	}
}

// lan is a Router, the wire below it, and a clock that stands still.
//
//	Router ── quiet ── ethernet ── channel ◄► the test
type lan struct {
	*testing.T
	wire   *channel.Endpoint
	clock  *faketime.ManualClock
	mirror *Mirror
	r      *Router

	mu sync.Mutex
	// +checklocks:mu
	sent []string // what Emit got: "payload dst src"
}

func newLAN(t *testing.T, change func(*fib.Snapshot, *RouterOptions)) *lan {
	t.Helper()
	l := &lan{T: t, wire: channel.New(2048, 1514, tcpip.LinkAddress(masterMAC[:])), clock: faketime.NewManualClock(), mirror: NewMirror()}
	s := namespace()
	o := RouterOptions{MasterIndex: 2, Mirror: l.mirror, Clock: l.clock, Emit: l.emit}
	if change != nil {
		change(&s, &o)
	}
	l.set(s)
	r, err := NewRouter(ethernet.New(l.wire), o)
	if err != nil {
		t.Fatal(err)
	}
	l.r = r
	t.Cleanup(func() {
		r.Close()
		l.settle()
		l.wire.Drain()
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.resolving != 0 || r.permanent != 0 || r.heldBytes != 0 || r.hops.len != 0 {
			t.Errorf("after Close: %d resolving, %d permanent, %d bytes held, %d neighbours", r.resolving, r.permanent, r.heldBytes, r.hops.len)
		}
	})
	return l
}

func (l *lan) emit(hop Hop, frame []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if hop.Verdict != VerdictSend || hop.Dst != [6]byte(frame[10:]) || hop.Src != [6]byte(frame[16:]) {
		l.Errorf("Emit(%+v) of a frame to %x from %x", hop, frame[10:16], frame[16:22])
	}
	l.sent = append(l.sent, fmt.Sprintf("%s %x %x", frame[24:], frame[10:16], frame[16:22]))
}

// emitted is what was emitted since the last call.
func (l *lan) emitted() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := l.sent
	l.sent = nil
	return out
}

func (l *lan) set(s fib.Snapshot) Changed {
	l.Helper()
	c, err := l.mirror.Set(s)
	if err != nil || c.LeftOut.Total() != 0 {
		l.Fatal(err, c)
	}
	return c
}

// settle lets what is due now be done.
func (l *lan) settle() { l.clock.RunImmediatelyScheduledJobs() }

func (l *lan) next(dst string) Hop {
	q := Query{Dst: ip(dst), Src: ip("10.1.0.11")}
	if q.Dst.Is6() {
		q.Src = ip("2001:db8:1::11")
	}
	return l.r.Next(q)
}

// hold asks for dst and gives frames with these payloads to wait.
func (l *lan) hold(dst string, payloads ...string) {
	l.Helper()
	for _, p := range payloads {
		h := l.next(dst)
		if h.Verdict != VerdictWait {
			l.Fatalf("Next(%s) = %+v, want a wait", dst, h)
		}
		b := append(make([]byte, 24), p...)
		l.r.Hold(h, b)
		clear(b) // Hold keeps a copy
	}
	l.settle()
}

// heard reads what went to the wire.
func (l *lan) heard() []string {
	l.Helper()
	l.settle()
	var out []string
	for pkt := l.wire.Read(); pkt != nil; pkt = l.wire.Read() {
		v := pkt.ToView()
		out = append(out, l.describe(v.AsSlice()))
		v.Release()
		pkt.DecRef()
	}
	return out
}

// describe writes a frame as tcpdump might, "?" for what must not be there.
func (l *lan) describe(b []byte) string {
	eth := header.Ethernet(b)
	to := fmt.Sprintf("%x", []byte(eth.DestinationAddress()))
	if string(eth.SourceAddress()) != string(masterMAC[:]) {
		return fmt.Sprintf("? from %x", []byte(eth.SourceAddress()))
	}
	body := b[header.EthernetMinimumSize:]
	switch eth.Type() {
	case header.ARPProtocolNumber:
		h := header.ARP(body)
		if h.Op() == header.ARPRequest && string(h.HardwareAddressSender()) == string(masterMAC[:]) {
			return fmt.Sprintf("%s who-has %v tell %v", to, netip.AddrFrom4([4]byte(h.ProtocolAddressTarget())), netip.AddrFrom4([4]byte(h.ProtocolAddressSender())))
		}
	case header.IPv6ProtocolNumber:
		h := header.IPv6(body)
		if icmp := header.ICMPv6(h.Payload()); h.HopLimit() == 255 && icmp.Type() == header.ICMPv6NeighborSolicit {
			return fmt.Sprintf("%s who-has %v tell %v", to, toNetip(header.NDPNeighborSolicit(icmp.MessageBody()).TargetAddress()), toNetip(h.SourceAddress()))
		}
	}
	return fmt.Sprintf("? %x", b)
}

func (l *lan) expect(what string, got []string, want ...string) {
	l.Helper()
	if !slices.Equal(got, want) {
		l.Fatalf("%s: %q, want %q", what, got, want)
	}
}

// inject lets a frame come in from the wire.
func (l *lan) inject(dst, src [6]byte, proto tcpip.NetworkProtocolNumber, body []byte) {
	b := binary.BigEndian.AppendUint16(append(append([]byte{}, dst[:]...), src[:]...), uint16(proto))
	pkt := tcpipstack.NewPacketBuffer(tcpipstack.PacketBufferOptions{Payload: buffer.MakeWithData(append(b, body...))})
	l.wire.InjectInbound(0, pkt)
	pkt.DecRef()
	l.settle()
}

// arp sends an ARP packet from src to dst.
func (l *lan) arp(op header.ARPOp, dst, src [6]byte, senderIP, targetIP string) {
	b := make([]byte, header.ARPSize)
	h := header.ARP(b)
	h.SetIPv4OverEthernet()
	h.SetOp(op)
	copy(h.HardwareAddressSender(), src[:])
	copy(h.HardwareAddressTarget(), dst[:])
	s, t := ip(senderIP).As4(), ip(targetIP).As4()
	copy(h.ProtocolAddressSender(), s[:])
	copy(h.ProtocolAddressTarget(), t[:])
	l.inject(dst, src, header.ARPProtocolNumber, b)
}

// reply answers the Router's ARP request for addr.
func (l *lan) reply(addr string, mac [6]byte) {
	l.arp(header.ARPReply, masterMAC, mac, addr, "10.0.0.1")
}

// ndp sends a message of neighbour discovery with a link-layer address.
func (l *lan) ndp(typ header.ICMPv6Type, flags byte, mac [6]byte, src, dst, target string) {
	msg := append([]byte{byte(typ), 0, 0, 0, flags, 0, 0, 0}, ip(target).AsSlice()...)
	option := byte(2)
	if typ == header.ICMPv6NeighborSolicit {
		option = 1
	}
	msg = append(append(msg, option, 1), mac[:]...)
	l.icmp6(mac, src, dst, msg)
}

func (l *lan) icmp6(mac [6]byte, src, dst string, msg []byte) {
	s, d := toTCPIP(ip(src)), toTCPIP(ip(dst))
	header.ICMPv6(msg).SetChecksum(header.ICMPv6Checksum(header.ICMPv6ChecksumParams{Header: msg, Src: s, Dst: d}))
	b := make([]byte, header.IPv6MinimumSize)
	header.IPv6(b).Encode(&header.IPv6Fields{PayloadLength: uint16(len(msg)), TransportProtocol: header.ICMPv6ProtocolNumber, HopLimit: 255, SrcAddr: s, DstAddr: d})
	l.inject(masterMAC, mac, header.IPv6ProtocolNumber, append(b, msg...))
}

func (l *lan) stateOf(addr string) NUD {
	l.Helper()
	for _, n := range l.r.Neighbors() {
		if n.Addr == ip(addr) {
			return n.State
		}
	}
	l.Fatalf("no neighbour %s in %+v", addr, l.r.Neighbors())
	return 0
}

// resolve makes a neighbour reachable.
func (l *lan) resolve(addr string, mac [6]byte) {
	l.Helper()
	l.hold(addr, "x")
	l.reply(addr, mac)
	l.expect("emitted", l.emitted(), frame("x", mac))
	l.heard()
}

// frame is what emitted says of a frame to mac.
func frame(payload string, mac [6]byte) string {
	return fmt.Sprintf("%s %x %x", payload, mac, masterMAC)
}

func (l *lan) wantSend(dst string, mac [6]byte) {
	l.Helper()
	if h := l.next(dst); h.Verdict != VerdictSend || h.Dst != mac || h.Src != masterMAC {
		l.Fatalf("Next(%s) = %+v, want it sent to %x", dst, h, mac)
	}
	l.settle()
}

func (l *lan) wantWait(dst string) {
	l.Helper()
	if h := l.next(dst); h.Verdict != VerdictWait {
		l.Fatalf("Next(%s) = %+v, want a wait", dst, h)
	}
}

func (l *lan) wantDrops(reason Reason, n uint64) {
	l.Helper()
	if got := l.r.Stats().Drops[reason]; got != n {
		l.Fatalf("%d drops for %v, want %d", got, reason, n)
	}
}

const second = time.Second

var payload = bytes.Repeat([]byte{'x'}, 65000)
