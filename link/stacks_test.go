package link_test

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/ipvl/ipvl/link"
	"github.com/ipvl/ipvl/link/linktest"
	"github.com/ipvl/ipvl/link/vnet"
	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/network/arp"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"
)

// node is a netstack with both families on one endpoint.
type node struct {
	t testing.TB
	s *stack.Stack
	// conns counts connections served: each has a port of its own.
	conns uint16
}

func newNode(t testing.TB, ep stack.LinkEndpoint, add func(*stack.Stack, netip.Prefix), addrs ...string) *node {
	t.Helper()
	s := stack.New(stack.Options{
		NetworkProtocols:   []stack.NetworkProtocolFactory{ipv4.NewProtocol, ipv6.NewProtocol, arp.NewProtocol},
		TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocol, udp.NewProtocol},
	})
	t.Cleanup(func() {
		s.Close()
		s.Wait()
		s.Destroy()
	})
	if err := s.CreateNIC(1, ep); err != nil {
		t.Fatal(err)
	}
	for _, a := range addrs {
		add(s, netip.MustParsePrefix(a))
	}
	s.SetRouteTable([]tcpip.Route{{Destination: header.IPv4EmptySubnet, NIC: 1}, {Destination: header.IPv6EmptySubnet, NIC: 1}})
	return &node{t: t, s: s}
}

// deviceNode is a node on a new device of m.
func deviceNode(t testing.TB, m *link.Master, addrs ...string) (*node, *link.Device) {
	t.Helper()
	d, err := m.NewDevice(link.DeviceOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return newNode(t, d, func(s *stack.Stack, p netip.Prefix) {
		if err := d.Assign(s, 1, p); err != nil {
			t.Fatal(err)
		}
	}, addrs...), d
}

// plainNode is a node on an endpoint that needs no registration.
func plainNode(t testing.TB, ep stack.LinkEndpoint, addrs ...string) *node {
	return newNode(t, ep, func(s *stack.Stack, p netip.Prefix) {
		proto := tcpip.ProtocolAddress{Protocol: ipv4.ProtocolNumber, AddressWithPrefix: tcpip.AddressWithPrefix{
			Address: tcpip.AddrFromSlice(p.Addr().AsSlice()), PrefixLen: p.Bits(),
		}}
		if p.Addr().Is6() {
			proto.Protocol = ipv6.ProtocolNumber
		}
		if err := s.AddProtocolAddress(1, proto, stack.AddressProperties{}); err != nil {
			t.Fatal(err)
		}
	}, addrs...)
}

func fullAddress(a string) (tcpip.FullAddress, tcpip.NetworkProtocolNumber) {
	at := tcpip.FullAddress{Addr: tcpip.AddrFromSlice(ip(a).AsSlice()), Port: 7777}
	if ip(a).Is4() {
		return at, ipv4.ProtocolNumber
	}
	return at, ipv6.ProtocolNumber
}

// transfer sends data from n to peer, who listens on a, and compares.
func (n *node) transfer(peer *node, a string, data []byte) {
	n.t.Helper()
	at, proto := fullAddress(a)
	peer.conns++
	at.Port += peer.conns
	l, err := gonet.ListenTCP(peer.s, at, proto)
	if err != nil {
		n.t.Fatal(err)
	}
	defer l.Close()
	got := make(chan []byte, 1)
	go func() {
		defer close(got)
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		b, _ := io.ReadAll(c)
		got <- b
	}()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	c, err := gonet.DialContextTCP(ctx, n.s, at, proto)
	if err != nil {
		n.t.Fatalf("connect to %s: %v", a, err)
	}
	if _, err := c.Write(data); err != nil {
		n.t.Fatal(err)
	}
	c.Close()
	if !bytes.Equal(<-got, data) {
		n.t.Errorf("%s received something else", a)
	}
}

// udp sends one small datagram to a.
func (n *node) udp(a string) {
	n.t.Helper()
	at, proto := fullAddress(a)
	c, err := gonet.DialUDP(n.s, nil, &at, proto)
	if err != nil {
		n.t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte("hello")); err != nil {
		n.t.Fatal(err)
	}
}

func payload(n int) []byte {
	b := make([]byte, n)
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range b {
		b[i] = byte(rnd.Uint32())
	}
	return b
}

// The topology of these tests:
//
//	peer 10.0.0.100 ══ cable ══ master ── a 10.0.0.11
//	                                   └─ b 10.0.0.12
func TestStacksTalkL2(t *testing.T) {
	wire, uplink := linktest.Cable(peerMAC, masterMAC)
	t.Cleanup(wire.Stop)
	m, err := link.NewMaster(uplink, link.MasterOptions{Mode: link.ModeL2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Shutdown)
	peer := plainNode(t, wire, "10.0.0.100/24", "fd00::100/64")
	a, _ := deviceNode(t, m, "10.0.0.11/24", "fd00::11/64")
	b, _ := deviceNode(t, m, "10.0.0.12/24", "fd00::12/64")
	data := payload(1 << 20)
	a.transfer(b, "10.0.0.12", data)
	a.transfer(b, "fd00::12", data)
	a.transfer(peer, "10.0.0.100", data)
	a.transfer(peer, "fd00::100", data)
	peer.transfer(a, "10.0.0.11", data)
	peer.transfer(a, "fd00::11", data)
}

// In L3 the devices are NOARP and in different subnets; what is for no device
// takes the Router's way.
func TestStacksTalkL3(t *testing.T) {
	wire, uplink := linktest.Cable(peerMAC, masterMAC)
	t.Cleanup(wire.Stop)
	m, err := link.NewMaster(uplink, link.MasterOptions{Router: &fakeRouter{hop: send(1500)}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Shutdown)
	peer := plainNode(t, wire, "10.0.0.100/24", "fd00::100/64")
	// Nobody answers ARP in L3: the peer needs static neighbours.
	for _, addr := range []string{"10.1.0.11", "fd01::11"} {
		at, proto := fullAddress(addr)
		if err := peer.s.AddStaticNeighbor(1, proto, at.Addr, tcpip.LinkAddress(masterMAC[:])); err != nil {
			t.Fatal(err)
		}
	}
	a, _ := deviceNode(t, m, "10.1.0.11/24", "fd01::11/64")
	b, _ := deviceNode(t, m, "10.2.0.12/24", "fd02::12/64")
	data := payload(1 << 20)
	a.transfer(b, "10.2.0.12", data)
	a.transfer(b, "fd02::12", data)
	b.transfer(a, "10.1.0.11", data)
	a.transfer(peer, "10.0.0.100", data)
	a.transfer(peer, "fd00::100", data)
	peer.transfer(a, "10.1.0.11", data)
}

// A device's stack talks on after the mode changed under it: in L2 it resolves
// a neighbour on the wire, though it was made in L3.
func TestModeChangesUnderLiveStacks(t *testing.T) {
	wire, uplink := linktest.Cable(peerMAC, masterMAC)
	t.Cleanup(wire.Stop)
	m, err := link.NewMaster(uplink, link.MasterOptions{Mode: link.ModeL3})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Shutdown)
	peer := plainNode(t, wire, "10.0.0.100/24")
	a, _ := deviceNode(t, m, "10.0.0.11/24")
	b, _ := deviceNode(t, m, "10.0.0.12/24")
	for _, mode := range []link.Mode{link.ModeL3, link.ModeL2, link.ModeL3} {
		if err := m.Set(mode, link.FlagBridge); err != nil {
			t.Fatal(err)
		}
		a.transfer(b, "10.0.0.12", payload(1000))
		if mode == link.ModeL2 {
			a.transfer(peer, "10.0.0.100", payload(1000))
		}
	}
}

// The stack attached to the master is its host: the wire reaches it, devices do
// not, and it does not reach devices.
func TestHostStack(t *testing.T) {
	wire, uplink := linktest.Cable(peerMAC, masterMAC)
	t.Cleanup(wire.Stop)
	m, err := link.NewMaster(uplink, link.MasterOptions{Mode: link.ModeL2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Shutdown)
	peer := plainNode(t, wire, "10.0.0.100/24")
	host := plainNode(t, m, "10.0.0.1/24")
	peer.transfer(host, "10.0.0.1", payload(1<<20))
	host.transfer(peer, "10.0.0.100", payload(1<<20))
}

func TestStackLosesItsAddress(t *testing.T) {
	l := newLab(t, link.MasterOptions{Mode: link.ModeL2})
	a, d := deviceNode(t, l.master, "10.0.0.13/24")
	if l.master.Owner(ip("10.0.0.13")) != d {
		t.Fatal("not registered")
	}
	if err := a.s.RemoveAddress(1, tcpip.AddrFromSlice(ip("10.0.0.13").AsSlice())); err != nil {
		t.Fatal(err)
	}
	if got := l.master.Owner(ip("10.0.0.13")); got != nil {
		t.Error("still registered")
	}
	if err := d.Assign(a.s, 1, netip.MustParsePrefix("10.0.0.11/24")); err == nil {
		t.Error("an address of a sibling was assigned")
	}
	if err := a.s.RemoveNIC(1); err != nil {
		t.Fatal(err)
	}
	if got := len(l.master.Devices()); got != 2 {
		t.Errorf("%d devices after the NIC was removed, want 2", got)
	}
}

// A frame from outside with a wrong checksum is not for a stack that was told
// that its checksums are verified.
func TestStackIsSparedWrongChecksums(t *testing.T) {
	l := newLab(t, link.MasterOptions{Mode: link.ModeL2})
	n, d := deviceNode(t, l.master, "10.0.0.13/24", "fd00::13/64")
	good := func(src, dst string) []byte { return frame4(masterMAC, peerMAC, src, dst) }
	for _, c := range []struct {
		frame  []byte
		reason string
	}{
		{broken(good("10.0.0.100", "10.0.0.13"), 30, 0xee), "checksum"},
		{broken(good("10.0.0.100", "10.0.0.13"), 10, 0xee), "checksum"},
		{broken(good("fd00::100", "fd00::13"), 50, 0xee), "checksum"},
		{linktest.Tag(good("10.0.0.100", "10.0.0.13"), 0x8100, 5), "vlan"},
		{frame4(otherMAC, peerMAC, "10.0.0.100", "10.0.0.13"), "other-host"},
	} {
		before := d.Stats()
		l.master.Receive(c.frame)
		after := d.Stats()
		if after.Drops[c.reason] != before.Drops[c.reason]+1 || after.RxPackets != before.RxPackets {
			t.Errorf("want one drop by %s: %+v", c.reason, after)
		}
	}
	for _, f := range [][]byte{good("10.0.0.100", "10.0.0.13"), linktest.Tag(good("10.0.0.100", "10.0.0.13"), 0x8100, 0)} {
		before := n.s.Stats().IP.PacketsDelivered.Value()
		if l.master.Receive(f); n.s.Stats().IP.PacketsDelivered.Value() != before+1 {
			t.Errorf("a good frame was refused: %+v", d.Stats())
		}
	}
}

// The same over an endpoint that does not claim to have verified anything.
func TestStackIsSparedWrongChecksumsOfAnEndpoint(t *testing.T) {
	wire, uplink := linktest.Cable(peerMAC, masterMAC)
	t.Cleanup(wire.Stop)
	m, err := link.NewMaster(uplink, link.MasterOptions{Mode: link.ModeL2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Shutdown)
	_, d := deviceNode(t, m, "10.0.0.13/24")
	bad := broken(frame4(masterMAC, peerMAC, "10.0.0.100", "10.0.0.13"), 30, 0xee)
	good := arpFrame(linktest.Broadcast(), 1, peerMAC, "10.0.0.100", "10.0.0.13")
	for _, f := range [][]byte{bad, good} {
		pkt := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: buffer.MakeWithData(f[vnet.HeaderLen:])})
		var list stack.PacketBufferList
		list.PushBack(pkt)
		if _, err := wire.WritePackets(list); err != nil {
			t.Fatal(err)
		}
		pkt.DecRef()
	}
	for d.Stats().RxPackets == 0 { // the good one comes last
		runtime.Gosched()
	}
	if got := d.Stats(); got.Drops["checksum"] != 1 || got.RxPackets != 1 {
		t.Errorf("%+v", got)
	}
}

// In L3 a stack neither sees ARP nor the solicitations of others' DAD; the
// solicitation of a neighbour who knows it already it answers.
func TestStackIsNOARPInL3(t *testing.T) {
	l := newLab(t, link.MasterOptions{Mode: link.ModeL3})
	_, d := deviceNode(t, l.master, "10.0.0.13/24", "fd00::13/64")
	snm := linktest.GroupMAC(linktest.SolicitedNode(ip("fd00::13")))
	for i, f := range [][]byte{
		arpFrame(linktest.Broadcast(), 1, peerMAC, "10.0.0.100", "10.0.0.13"),
		ns(snm, peerMAC, "::", "ff02::1:ff00:13", "fd00::13"),
	} {
		l.master.Receive(f)
		if got := d.Stats(); got.RxPackets != 0 || got.Drops["other-host"] != uint64(i+1) {
			t.Errorf("frame %d: %+v", i, got)
		}
	}
	l.master.Receive(ns(masterMAC, peerMAC, "fd00::100", "fd00::13", "fd00::13"))
	if got := d.Stats().RxPackets; got != 1 {
		t.Errorf("a unicast solicitation was kept from it: %+v", d.Stats())
	}
}

// What is too large for the receiver is dropped between stacks as between ports.
func TestMTUBetweenStacks(t *testing.T) {
	l := newLab(t, link.MasterOptions{Mode: link.ModeL3})
	a, _ := deviceNode(t, l.master, "10.0.0.13/24")
	_, d := deviceNode(t, l.master, "10.0.0.14/24")
	d.SetMTU(600)
	at, proto := fullAddress("10.0.0.14")
	for size, want := range map[int]uint64{576: 0, 577: 1} {
		before := d.Stats().Drops["mtu"]
		c, err := gonet.DialUDP(a.s, nil, &at, proto)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write(make([]byte, size)); err != nil {
			t.Fatal(err)
		}
		c.Close()
		if got := d.Stats().Drops["mtu"] - before; got != want {
			t.Errorf("%d bytes of payload: %d drops, want %d", size, got, want)
		}
	}
}
