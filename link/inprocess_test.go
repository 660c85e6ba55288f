package link_test

import (
	"testing"

	"github.com/ipvl/ipvl/link"
	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

// taker is a stack that looks at a packet and lets it go.
type taker struct {
	packets int
	mark    uint32
	size    int
}

func (k *taker) DeliverNetworkPacket(_ tcpip.NetworkProtocolNumber, pkt *stack.PacketBuffer) {
	k.packets++
	k.mark, k.size = pkt.Mark, pkt.Data().Size()
}

func (*taker) DeliverLinkPacket(tcpip.NetworkProtocolNumber, *stack.PacketBuffer) {}

// pair is two devices whose ends are stacks.
func pair(tb testing.TB) (from *link.Device, to *taker) {
	m, err := link.NewMasterOnPort(sinkPort{}, link.MasterOptions{MAC: masterMAC})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(m.Shutdown)
	var devs [2]*link.Device
	var ends [2]taker
	for i, a := range []string{"10.0.0.11", "10.0.0.12"} {
		if devs[i], err = m.NewDevice(link.DeviceOptions{}); err != nil {
			tb.Fatal(err)
		}
		devs[i].Attach(&ends[i])
		if err := devs[i].AddAddress(ip(a)); err != nil {
			tb.Fatal(err)
		}
	}
	return devs[0], &ends[1]
}

// outgoing is a TCP packet as gVisor gives it to d, from .11 to .12: its
// headers in one view, size bytes of payload in others.
func outgoing(tb testing.TB, d *link.Device, size int) (list stack.PacketBufferList) {
	const tcpLen = 32
	pkt := stack.NewPacketBuffer(stack.PacketBufferOptions{
		ReserveHeaderBytes: header.EthernetMinimumSize + header.IPv4MinimumSize + tcpLen,
		Payload:            buffer.MakeWithData(make([]byte, size)),
		Mark:               7,
	})
	tb.Cleanup(pkt.DecRef)
	header.TCP(pkt.TransportHeader().Push(tcpLen)).Encode(&header.TCPFields{DataOffset: tcpLen, Flags: header.TCPFlagAck})
	header.IPv4(pkt.NetworkHeader().Push(header.IPv4MinimumSize)).Encode(&header.IPv4Fields{
		TotalLength: uint16(header.IPv4MinimumSize + tcpLen + size), TTL: 64, Protocol: uint8(header.TCPProtocolNumber),
		SrcAddr: tcpip.AddrFromSlice(ip("10.0.0.11").AsSlice()), DstAddr: tcpip.AddrFromSlice(ip("10.0.0.12").AsSlice()),
	})
	pkt.NetworkProtocolNumber = header.IPv4ProtocolNumber
	pkt.EgressRoute.RemoteLinkAddress = d.LinkAddress()
	if size > 0 {
		pkt.GSOOptions = stack.GSO{Type: stack.GSOTCPv4, NeedsCsum: true, CsumOffset: header.TCPChecksumOffset,
			MSS: 1448, L3HdrLen: header.IPv4MinimumSize, MaxSize: d.GSOMaxSize()}
	}
	d.AddHeader(pkt)
	list.PushBack(pkt)
	return list
}

// A mark is its own stack's, as between namespaces (skb_scrub_packet).
func TestMarksStayInTheirStack(t *testing.T) {
	from, to := pair(t)
	if _, err := from.WritePackets(outgoing(t, from, 65000)); err != nil {
		t.Fatal(err)
	}
	if to.packets != 1 || to.mark != 0 {
		t.Errorf("%d packets with mark %d, want one with none", to.packets, to.mark)
	}
}

func TestStackToStackAllocatesNothing(t *testing.T) {
	from, to := pair(t)
	for _, size := range []int{0, 65000} {
		list := outgoing(t, from, size)
		n := testing.AllocsPerRun(200, func() { _, _ = from.WritePackets(list) })
		if n > allocsAtMost {
			t.Errorf("%d bytes: %v allocations", size, n)
		}
		if want := header.IPv4MinimumSize + header.TCPMinimumSize + 12 + size; to.size != want {
			t.Errorf("%d bytes of payload came as %d bytes, want %d", size, to.size, want)
		}
	}
}

// The way from stack to stack without the stacks. Nearly half of it is the
// count of references that TestMain turns on.
func BenchmarkStackToStack(b *testing.B) {
	from, to := pair(b)
	for name, size := range map[string]int{"acknowledgement": 0, "segments": 65000} {
		b.Run(name, func(b *testing.B) {
			list := outgoing(b, from, size)
			b.ReportAllocs()
			for b.Loop() {
				_, _ = from.WritePackets(list)
			}
			if to.packets == 0 {
				b.Fatal("nothing arrived")
			}
		})
	}
}
