package verify

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/ipvl/ipvl/link"
	"github.com/ipvl/ipvl/link/vnet"
	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

// checksumOnly is the MSS by which gVisor's endpoints say that only a checksum is open.
const checksumOnly = 0xffff

// netstack is a dispatcher that keeps what it is given.
type netstack struct{ memory }

// DeliverNetworkPacket implements stack.NetworkDispatcher.
func (n *netstack) DeliverNetworkPacket(_ tcpip.NetworkProtocolNumber, pkt *stack.PacketBuffer) {
	view := pkt.ToView()
	defer view.Release()
	w, g := work{}, pkt.GSOOptions
	if g.NeedsCsum {
		w = work{flags: needsCsum, start: 14 + g.L3HdrLen, offset: g.CsumOffset}
	}
	if g.MSS != 0 && g.MSS != checksumOnly && pkt.Size() > int(g.MSS) {
		w.size = g.MSS
		w.gso = map[stack.GSOType]uint8{stack.GSOTCPv4: gsoTCP4, stack.GSOTCPv6: gsoTCP6, stack.GSONone: gsoUDP}[g.Type]
	}
	_ = n.WriteFrame(w.with(view.AsSlice()))
}

// DeliverLinkPacket implements stack.NetworkDispatcher.
func (*netstack) DeliverLinkPacket(tcpip.NetworkProtocolNumber, *stack.PacketBuffer) {}

// packetOf is a frame as a netstack writes it, in views of odd sizes.
func packetOf(r *rand.Rand, frame []byte) *stack.PacketBuffer {
	w, eth, _ := split(frame)
	p, _ := look(eth)
	var b buffer.Buffer
	for n := 0; len(eth) > 0; eth = eth[n:] {
		n = min(len(eth), 1+r.IntN(3000))
		v := buffer.MakeWithData(eth[:n])
		b.Merge(&v)
	}
	pkt := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: b})
	pkt.LinkHeader().Consume(14)
	pkt.NetworkProtocolNumber = 0x0800
	tcp := stack.GSOTCPv4
	if p.v6 {
		pkt.NetworkProtocolNumber, tcp = 0x86dd, stack.GSOTCPv6
	}
	switch {
	case w.gso == gsoUDP:
		pkt.GSOOptions = stack.GSO{NeedsCsum: true, CsumOffset: w.offset, L3HdrLen: w.start - 14, MSS: w.size}
	case w.flags != 0:
		pkt.GSOOptions = stack.GSO{Type: tcp, NeedsCsum: true, CsumOffset: w.offset, L3HdrLen: w.start - 14, MSS: checksumOnly}
		if w.gso != 0 {
			pkt.GSOOptions.MSS = w.size
		}
	}
	return pkt
}

// kindsFor leaves out what a netstack is not given or does not give.
func kindsFor(to, from bool) (out []kind) {
	for _, k := range table(0) {
		if to && (k.wrong || from && k.udp && k.open == super) {
			continue
		}
		out = append(out, k)
	}
	return out
}

// TestToNetstack goes from a device's port and from the wire to a netstack, with batches and without.
func TestToNetstack(t *testing.T) {
	for _, i := range []int{0, 2} {
		all := hops[i].w.make(random(t), kindsFor(true, false))
		want := expect(all)
		for _, batches := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, batches %v", hops[i].name, batches), func(t *testing.T) {
				l := newLab(t, [3]link.Port{&memory{}, nil, &memory{}}, link.MasterOptions{Mode: link.ModeL2})
				end := &netstack{memory{features: vnet.FeaturesNetstack}}
				l.dev[1].Attach(end)
				var b *link.Batch
				if batches {
					b = new(link.Batch)
				}
				for _, round := range rounds(all, batches) {
					l.carry(i, cloned(round), b)
				}
				compare(t, want, end.take(t, want.names))
			})
		}
	}
}

// TestFromNetstack goes from a netstack to a sibling's port, to the wire and to a sibling's netstack.
func TestFromNetstack(t *testing.T) {
	for _, fs := range featureSets[:3] {
		for i := range 3 {
			t.Run(fmt.Sprintf("%s, way %d", fs.name, i), func(t *testing.T) { fromNetstack(t, i, fs.have) })
		}
	}
}

func fromNetstack(t *testing.T, i int, have vnet.Features) {
	r := random(t)
	h := hops[i%2]
	far := [3]link.Port{nil, &memory{features: have}, &memory{features: have}}
	sibling := &netstack{memory{features: vnet.FeaturesNetstack}}
	end := far[h.end].(*memory)
	if i == 2 {
		far[1], end = nil, &sibling.memory
	}
	l := newLab(t, far, link.MasterOptions{Mode: link.ModeL2})
	l.dev[0].Attach(&netstack{})
	if i == 2 {
		l.dev[1].Attach(sibling)
	}
	all := h.w.make(r, kindsFor(i == 2, true))
	want := expect(all)
	for _, round := range rounds(all, true) {
		var list stack.PacketBufferList
		for _, f := range round {
			list.PushBack(packetOf(r, f))
		}
		if n, err := l.dev[0].WritePackets(list); err != nil || n != len(round) {
			t.Fatalf("%d of %d packets: %v", n, len(round), err)
		}
		list.DecRef()
	}
	compare(t, want, end.take(t, want.names))
}
