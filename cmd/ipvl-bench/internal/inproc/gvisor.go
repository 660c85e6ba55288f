package inproc

import (
	"context"
	"net/netip"

	"gvisor.dev/gvisor/pkg/tcpip/link/channel"
	"gvisor.dev/gvisor/pkg/tcpip/link/ethernet"
	"gvisor.dev/gvisor/pkg/tcpip/link/pipe"
	"gvisor.dev/gvisor/pkg/tcpip/stack"

	"gvisor.dev/gvisor/pkg/tcpip"
)

const (
	macA, macB = tcpip.LinkAddress("\x02\x00\x00\x00\x00\x0a"), tcpip.LinkAddress("\x02\x00\x00\x00\x00\x0b")
	// queue is how many packets a channel holds.
	queue = 4096
)

func onPipe(a, b netip.Addr) (client, server *stack.Stack, err error) {
	left, right := pipe.New(macA, macB, mtu)
	return two(ethernet.New(left), ethernet.New(right), a, b)
}

// onChannel joins two channels by a goroutine for each direction. Checksums
// are left out, as between the stacks of one process they may.
func onChannel(a, b netip.Addr) (client, server *stack.Stack, err error) {
	left, right := channel.New(queue, mtu, ""), channel.New(queue, mtu, "")
	for _, e := range []*channel.Endpoint{left, right} {
		e.LinkEPCapabilities |= stack.CapabilityRXChecksumOffload | stack.CapabilityTXChecksumOffload
	}
	client, server, err = two(left, right, a, b)
	go pump(left, right)
	go pump(right, left)
	return client, server, err
}

// pump carries packets until the process ends.
func pump(from, to *channel.Endpoint) {
	for {
		pkt := from.ReadContext(context.Background())
		if pkt == nil {
			return
		}
		in := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: pkt.ToBuffer()})
		to.InjectInbound(pkt.NetworkProtocolNumber, in)
		in.DecRef()
		pkt.DecRef()
	}
}

func two(left, right stack.LinkEndpoint, a, b netip.Addr) (client, server *stack.Stack, err error) {
	if client, err = newNode(left); err != nil {
		return nil, nil, err
	}
	if server, err = newNode(right); err != nil {
		return nil, nil, err
	}
	if err = assign(client, a); err == nil {
		err = assign(server, b)
	}
	return client, server, err
}
