package link_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"

	"github.com/ipvl/ipvl/link"
	"github.com/ipvl/ipvl/link/linktest"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/network/arp"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
)

// Two sandboxes, each with a netstack of its own, share one master: one serves
// HTTP, the other and a host on the wire ask it.
func Example() {
	wire, uplink := linktest.Cable(linktest.MAC{2, 0, 0, 0, 0, 0x64}, linktest.MAC{2, 0, 0, 0, 0, 1})
	defer wire.Stop()
	master, err := link.NewMaster(uplink, link.MasterOptions{Mode: link.ModeL2})
	if err != nil {
		panic(err)
	}
	defer master.Shutdown()
	server, client, host := sandbox(master, "10.0.0.11/24"), sandbox(master, "10.0.0.12/24"), newStack(wire)
	defer destroy(server, client, host)
	addr := tcpip.ProtocolAddress{Protocol: ipv4.ProtocolNumber, AddressWithPrefix: tcpip.AddrFrom4([4]byte{10, 0, 0, 100}).WithPrefix()}
	addr.AddressWithPrefix.PrefixLen = 24
	host.AddProtocolAddress(1, addr, stack.AddressProperties{})

	at := tcpip.FullAddress{Addr: tcpip.AddrFrom4([4]byte{10, 0, 0, 11}), Port: 80}
	listener, err := gonet.ListenTCP(server, at, ipv4.ProtocolNumber)
	if err != nil {
		panic(err)
	}
	defer listener.Close()
	go http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "hello %s", netip.MustParseAddrPort(r.RemoteAddr).Addr())
	}))
	for _, s := range []*stack.Stack{client, host} {
		c := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return gonet.DialContextTCP(ctx, s, at, ipv4.ProtocolNumber)
		}}}
		response, err := c.Get("http://10.0.0.11/")
		if err != nil {
			panic(err)
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		fmt.Println(string(body))
	}
	// Output:
	// hello 10.0.0.12
	// hello 10.0.0.100
}

// sandbox gives a new netstack a device of the master with one address.
func sandbox(master *link.Master, addr string) *stack.Stack {
	device, err := master.NewDevice(link.DeviceOptions{})
	if err != nil {
		panic(err)
	}
	s := newStack(device)
	if err := device.Assign(s, 1, netip.MustParsePrefix(addr)); err != nil {
		panic(err)
	}
	return s
}

func newStack(ep stack.LinkEndpoint) *stack.Stack {
	s := stack.New(stack.Options{
		NetworkProtocols:   []stack.NetworkProtocolFactory{ipv4.NewProtocol, arp.NewProtocol},
		TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocol},
	})
	if err := s.CreateNIC(1, ep); err != nil {
		panic(err)
	}
	s.SetRouteTable([]tcpip.Route{{Destination: header.IPv4EmptySubnet, NIC: 1}})
	return s
}

func destroy(stacks ...*stack.Stack) {
	for _, s := range stacks {
		s.Destroy()
	}
}
