package vnet

import (
	"bytes"
	"encoding/binary"
	"testing"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/channel"
	"gvisor.dev/gvisor/pkg/tcpip/network/arp"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"
	"gvisor.dev/gvisor/pkg/waiter"
)

// These tests pin down what the package believes about gVisor.

const (
	rxOffload = stack.CapabilityRXChecksumOffload
	txOffload = stack.CapabilityTXChecksumOffload
)

// wire is a channel.Endpoint with Ethernet headers.
type wire struct{ *channel.Endpoint }

func (wire) MaxHeaderLength() uint16                 { return ethLen }
func (wire) ARPHardwareType() header.ARPHardwareType { return header.ARPHardwareEther }
func (wire) ParseHeader(*stack.PacketBuffer) bool    { return true }
func (wire) AddHeader(pkt *stack.PacketBuffer) {
	header.Ethernet(pkt.LinkHeader().Push(ethLen)).Encode(&header.EthernetFields{
		SrcAddr: pkt.EgressRoute.LocalLinkAddress,
		DstAddr: pkt.EgressRoute.RemoteLinkAddress,
		Type:    pkt.NetworkProtocolNumber,
	})
}

// address is one end of the frames that spec builds.
func address(v6 bool, src bool) tcpip.FullAddress {
	p, err := dissect(spec{v6: v6}.frame()[HeaderLen:])
	if err != nil {
		panic(err)
	}
	b := p.ip[16:20]
	switch {
	case v6 && src:
		b = p.ip[8:24]
	case v6:
		b = p.ip[24:40]
	case src:
		b = p.ip[12:16]
	}
	return tcpip.FullAddress{NIC: 1, Addr: tcpip.AddrFromSlice(b), Port: 9}
}

func network(v6 bool) tcpip.NetworkProtocolNumber {
	if v6 {
		return ipv6.ProtocolNumber
	}
	return ipv4.ProtocolNumber
}

func must(t *testing.T, err tcpip.Error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newStack returns a netstack that owns the destination of spec's frames.
func newStack(t *testing.T, caps stack.LinkEndpointCapabilities) (*stack.Stack, wire) {
	t.Helper()
	w := wire{channel.New(256, 1500, "\x02\x00\x00\x00\x00\x02")}
	w.LinkEPCapabilities = caps | stack.CapabilityResolutionRequired
	s := stack.New(stack.Options{
		NetworkProtocols:   []stack.NetworkProtocolFactory{arp.NewProtocol, ipv4.NewProtocol, ipv6.NewProtocol},
		TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocol, udp.NewProtocol},
	})
	t.Cleanup(func() {
		s.Destroy()
		w.Close()
	})
	must(t, s.CreateNIC(1, w))
	for _, v6 := range []bool{false, true} {
		must(t, s.AddProtocolAddress(1, tcpip.ProtocolAddress{
			Protocol: network(v6), AddressWithPrefix: address(v6, false).Addr.WithPrefix(),
		}, stack.AddressProperties{}))
		must(t, s.AddStaticNeighbor(1, network(v6), address(v6, true).Addr, "\x02\x00\x00\x00\x00\x01"))
	}
	s.SetRouteTable([]tcpip.Route{{Destination: header.IPv4EmptySubnet, NIC: 1}, {Destination: header.IPv6EmptySubnet, NIC: 1}})
	return s, w
}

func newEndpoint(t *testing.T, s *stack.Stack, proto tcpip.TransportProtocolNumber, v6 bool) (tcpip.Endpoint, *waiter.Queue) {
	t.Helper()
	q := new(waiter.Queue)
	ep, err := s.NewEndpoint(proto, network(v6), q)
	must(t, err)
	t.Cleanup(ep.Close)
	return ep, q
}

// next returns a packet of the protocol that the stack wrote.
func (w wire) next(t *testing.T, proto uint8) *stack.PacketBuffer {
	t.Helper()
	for {
		pkt := w.ReadContext(t.Context())
		if pkt == nil {
			t.Fatal("the stack is gone")
		}
		p, err := dissect(contents(pkt))
		if err == nil && p.proto == proto {
			return pkt
		}
		pkt.DecRef()
	}
}

func TestNetstackTXChecksumOffload(t *testing.T) {
	for _, caps := range []stack.LinkEndpointCapabilities{0, txOffload} {
		s, w := newStack(t, caps)
		for _, v6 := range []bool{false, true} {
			u, _ := newEndpoint(t, s, udp.ProtocolNumber, v6)
			to := address(v6, true)
			if _, err := u.Write(bytes.NewReader([]byte("some data")), tcpip.WriteOptions{To: &to}); err != nil {
				t.Fatal(err)
			}
			checkSent(t, w.next(t, 17), caps)
			c, _ := newEndpoint(t, s, tcp.ProtocolNumber, v6)
			if err := c.Connect(to); err != nil {
				if _, ok := err.(*tcpip.ErrConnectStarted); !ok {
					t.Fatal(err)
				}
			}
			checkSent(t, w.next(t, 6), caps)
		}
	}
}

// checkSent checks that a packet from a stack with caps can be completed, and
// that it needed it.
func checkSent(t *testing.T, pkt *stack.PacketBuffer, caps stack.LinkEndpointCapabilities) {
	t.Helper()
	defer pkt.DecRef()
	offloaded := caps&txOffload != 0
	p, _ := dissect(contents(pkt))
	at := map[uint8]int{6: 16, 17: 6}[p.proto]
	if zero := binary.BigEndian.Uint16(p.transport[at:]) == 0; zero != offloaded {
		t.Errorf("checksum field is 0: %v, with offload: %v", zero, offloaded)
	}
	var v Vec
	frame := join(FromPacket(pkt, &v, offloaded))
	if _, err := verify(frame, offloaded); err != nil {
		t.Error(err)
	}
}

// TestNetstackICMPv6 finds that ICMPv6 is complete in spite of the capability:
// the stack solicits a neighbour.
func TestNetstackICMPv6(t *testing.T) {
	s, w := newStack(t, txOffload)
	ep, _ := newEndpoint(t, s, udp.ProtocolNumber, true)
	to := tcpip.FullAddress{NIC: 1, Port: 9, Addr: tcpip.AddrFromSlice([]byte("\xfd\x00somebody else\x00"))}
	if _, err := ep.Write(bytes.NewReader(nil), tcpip.WriteOptions{To: &to}); err != nil {
		t.Fatal(err)
	}
	pkt := w.next(t, 58)
	defer pkt.DecRef()
	if frame := PacketToBytes(pkt, nil, true); frame[0] != 0 || !Intact(frame) {
		t.Errorf("header % x, intact %v", frame[:10], Intact(frame))
	}
}

// deliver gives a frame to a stack.
func (w wire) deliver(t *testing.T, frame []byte, o PacketOptions) {
	t.Helper()
	pkt, err := ToPacket(frame, o)
	if err != nil {
		t.Fatal(err)
	}
	defer pkt.DecRef()
	w.InjectInbound(pkt.NetworkProtocolNumber, pkt)
}

func TestNetstackTakesUSOInSegments(t *testing.T) {
	for _, caps := range []stack.LinkEndpointCapabilities{0, rxOffload} {
		for _, v6 := range []bool{false, true} {
			s, w := newStack(t, caps)
			ep, _ := newEndpoint(t, s, udp.ProtocolNumber, v6)
			must(t, ep.Bind(tcpip.FullAddress{Port: 53}))
			sp := spec{v6: v6, udp: true, partial: true, gso: 1000, payload: bytesOf(random(t), 4500)}
			err := Fit(sp.frame(), FeaturesNetstack, new(Segmenter), func(f []byte) error {
				w.deliver(t, f, PacketOptions{CompleteCsum: caps == 0})
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			for off := 0; off < len(sp.payload); off += 1000 {
				var b bytes.Buffer
				if _, err := ep.Read(&b, tcpip.ReadOptions{}); err != nil {
					t.Fatalf("caps %v, IPv6 %v, at %d: %v", caps, v6, off, err)
				}
				if !bytes.Equal(b.Bytes(), sp.payload[off:min(off+1000, len(sp.payload))]) {
					t.Errorf("datagram at %d differs, %d bytes", off, b.Len())
				}
			}
		}
	}
}

func TestNetstackTakesLargeTCPWhole(t *testing.T) {
	for _, caps := range []stack.LinkEndpointCapabilities{0, rxOffload} {
		s, w := newStack(t, caps)
		o := PacketOptions{CompleteCsum: caps == 0}
		ep, q := newEndpoint(t, s, tcp.ProtocolNumber, false)
		must(t, ep.Bind(tcpip.FullAddress{Port: 80}))
		must(t, ep.Listen(1))
		entry, accepted := waiter.NewChannelEntry(waiter.ReadableEvents)
		q.EventRegister(&entry)

		w.deliver(t, spec{partial: true, seq: 99, flags: 2}.frame(), o)
		pkt := w.next(t, 6)
		p, err := dissect(contents(pkt))
		if err != nil {
			t.Fatal(err)
		}
		ack := binary.BigEndian.Uint32(p.transport[4:]) + 1
		pkt.DecRef()

		data := spec{partial: true, seq: 100, flags: 0x10, gso: 1448, payload: bytesOf(random(t), 60000)}
		frame := data.frame()
		binary.BigEndian.PutUint32(frame[HeaderLen+data.l4()+8:], ack)
		w.deliver(t, frame, o)
		<-accepted
		conn, cq, terr := ep.Accept(nil)
		must(t, terr)
		got := readAll(t, conn, cq, len(data.payload))
		conn.Close()
		if !bytes.Equal(got, data.payload) {
			t.Error("the payload differs")
		}
	}
}

func readAll(t *testing.T, ep tcpip.Endpoint, q *waiter.Queue, n int) []byte {
	t.Helper()
	entry, readable := waiter.NewChannelEntry(waiter.ReadableEvents)
	q.EventRegister(&entry)
	defer q.EventUnregister(&entry)
	var b bytes.Buffer
	for b.Len() < n {
		_, err := ep.Read(&b, tcpip.ReadOptions{})
		if _, ok := err.(*tcpip.ErrWouldBlock); ok {
			<-readable
			continue
		}
		must(t, err)
	}
	return b.Bytes()
}
