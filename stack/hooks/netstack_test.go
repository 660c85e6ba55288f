package hooks

import (
	"bytes"
	"context"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/channel"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	tcpipstack "gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"

	"github.com/ipvl/ipvl/stack/rules"
)

// node is a netstack with one address of each family, whose NIC verifies
// checksums.
type node struct {
	*tcpipstack.Stack
	wire *channel.Endpoint
}

func newNode(t *testing.T, addrs ...string) *node {
	t.Helper()
	n := &node{wire: channel.New(1024, 1500, "")}
	n.Stack = tcpipstack.New(tcpipstack.Options{
		NetworkProtocols:   []tcpipstack.NetworkProtocolFactory{ipv4.NewProtocol, ipv6.NewProtocolWithOptions(ipv6.Options{DADConfigs: tcpipstack.DADConfigurations{}})},
		TransportProtocols: []tcpipstack.TransportProtocolFactory{tcp.NewProtocol, udp.NewProtocol},
	})
	if err := n.CreateNIC(1, n.wire); err != nil {
		t.Fatal(err)
	}
	for _, a := range addrs {
		proto := header.IPv4ProtocolNumber
		if ip(a).Is6() {
			proto = header.IPv6ProtocolNumber
		}
		addr := tcpip.ProtocolAddress{Protocol: proto, AddressWithPrefix: toTCPIP(ip(a)).WithPrefix()}
		if err := n.AddProtocolAddress(1, addr, tcpipstack.AddressProperties{}); err != nil {
			t.Fatal(err)
		}
	}
	n.SetRouteTable([]tcpip.Route{{Destination: header.IPv4EmptySubnet, NIC: 1}, {Destination: header.IPv6EmptySubnet, NIC: 1}})
	return n
}

// carry gives each packet that n sends to hook, as a frame, and what comes out
// to the other node, until ctx is over.
func (n *node) carry(ctx context.Context, t *testing.T, hook func([]byte) []byte, to *node) {
	for {
		pkt := n.wire.ReadContext(ctx)
		if pkt == nil {
			return
		}
		v := pkt.ToView()
		f := make([]byte, vnetLen+ethLen, vnetLen+ethLen+v.Size())
		proto := pkt.NetworkProtocolNumber
		f[vnetLen+12], f[vnetLen+13] = byte(proto>>8), byte(proto)
		f = append(f, v.AsSlice()...)
		v.Release()
		pkt.DecRef()
		out := hook(f)
		if out == nil {
			continue
		}
		sums(t, out)
		in := tcpipstack.NewPacketBuffer(tcpipstack.PacketBufferOptions{Payload: buffer.MakeWithData(out[vnetLen+ethLen:])})
		to.wire.InjectInbound(proto, in)
		in.DecRef()
	}
}

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// TestTwoStacks: a netstack behind masquerade and one on the wire carry a
// megabyte each way, over a connection that the first opens and over one that
// DNAT leads to it. Nothing but answers may come in otherwise.
//
//	device 10.1.0.11 ── Output ──► peer 192.0.2.9
//	                 ◄── Input ───
func TestTwoStacks(t *testing.T) {
	web := rules.Match{Proto: protoTCP, DstPorts: rules.Ports{Lo: 99, Hi: 99}}
	s := masquerade()
	s.NAT[rules.ChainPrerouting] = []rules.Rule{dnat(web, "10.1.0.11", rules.Ports{Lo: 7, Hi: 7}), dnat(web, "2001:db8:1::11", rules.Ports{Lo: 7, Hi: 7})}
	s.Filter = map[rules.Chain][]rules.Rule{rules.ChainInput: {
		verdict(rules.KindAccept, states(rules.StateEstablished)),
		verdict(rules.KindAccept, rules.Match{Proto: protoTCP, DstPorts: rules.Ports{Lo: 7, Hi: 7}, States: []rules.State{rules.StateNew}}),
	}}
	s.Policy = map[rules.Chain]string{rules.ChainInput: rules.KindDrop}
	k := newKit(t, s, func(o *Options) { o.Clock, o.Route = nil, nopRoute })
	dev, peer := newNode(t, "10.1.0.11", "2001:db8:1::11"), newNode(t, "192.0.2.9", "2001:db8:9::9")
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		dev.carry(ctx, t, func(f []byte) []byte { out, _, _ := k.e.Output(f); return out }, peer)
	})
	wg.Go(func() {
		peer.carry(ctx, t, func(f []byte) []byte {
			if out, r := k.e.Input(f); r == Pass {
				return out
			}
			return nil
		}, dev)
	})
	for name, c := range families {
		t.Run(name+" out", func(t *testing.T) { talk(t, dev, peer, at(c.peer, 80), at(c.peer, 80), c.host) })
		t.Run(name+" in", func(t *testing.T) { talk(t, peer, dev, at(c.host, 99), at(c.dev, 7), c.peer) })
	}
	if n := k.e.Stats().Conns; n != 4 {
		t.Errorf("%d connections", n)
	}
	cancel()
	wg.Wait()
	for _, n := range []*node{dev, peer} {
		n.Destroy()
		n.wire.Close()
	}
}

// talk has from connect to dial, where to listens on listen and sees seen as
// the caller, and send a megabyte that to sends back.
func talk(t *testing.T, from, to *node, dial, listen, seen string) {
	t.Helper()
	proto := header.IPv4ProtocolNumber
	if endpoint(dial).Addr().Is6() {
		proto = header.IPv6ProtocolNumber
	}
	full := func(s string) tcpip.FullAddress {
		a := endpoint(s)
		return tcpip.FullAddress{NIC: 1, Addr: toTCPIP(a.Addr()), Port: a.Port()}
	}
	l, err := gonet.ListenTCP(to.Stack, full(listen), proto)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	caller := make(chan string, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			caller <- err.Error()
			return
		}
		defer c.Close()
		caller <- c.RemoteAddr().(*net.TCPAddr).IP.String()
		io.Copy(c, c)
	}()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := gonet.DialContextTCP(ctx, from.Stack, full(dial), proto)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if got := <-caller; got != seen {
		t.Errorf("the caller is %s, want %s", got, seen)
	}
	sent := bytes.Repeat([]byte("0123456789abcdef!"), 1<<16)
	go func() {
		c.Write(sent)
		c.CloseWrite()
	}()
	got, err := io.ReadAll(c)
	if err != nil || !bytes.Equal(got, sent) {
		t.Errorf("%d bytes of %d came back: %v", len(got), len(sent), err)
	}
}
