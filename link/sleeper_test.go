package link_test

import (
	"testing"

	"github.com/ipvl/ipvl/link"
	"github.com/ipvl/ipvl/link/linktest"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

// blocked is a netstack that keeps who delivers to it.
type blocked struct {
	in, out chan struct{}
}

func (b *blocked) DeliverNetworkPacket(tcpip.NetworkProtocolNumber, *stack.PacketBuffer) {
	b.in <- struct{}{}
	<-b.out
}

func (*blocked) DeliverLinkPacket(tcpip.NetworkProtocolNumber, *stack.PacketBuffer) {}

// asleep is a lab with a third device, whose netstack is blocked.
func asleep(t *testing.T) (*lab, *blocked) {
	t.Helper()
	l := newLab(t, link.MasterOptions{Mode: link.ModeL2})
	d, err := l.master.NewDevice(link.DeviceOptions{})
	if err != nil {
		t.Fatal(err)
	}
	b := &blocked{in: make(chan struct{}), out: make(chan struct{})}
	d.Attach(b)
	if err := d.AddAddress(ip("10.0.0.13")); err != nil {
		t.Fatal(err)
	}
	return l, b
}

// A netstack that does not return holds up who delivers to it, and none of the others.
func TestBlockedNetstack(t *testing.T) {
	l, b := asleep(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.master.Receive(frame4(masterMAC, peerMAC, "10.0.0.100", "10.0.0.13"))
	}()
	<-b.in
	const n = 500
	for range n {
		l.dev[0].Transmit(frame4(masterMAC, masterMAC, "10.0.0.11", "10.0.0.12"))
		l.dev[1].Transmit(frame4(peerMAC, masterMAC, "10.0.0.12", "10.0.0.100"))
		l.master.Receive(frame4(masterMAC, peerMAC, "10.0.0.100", "10.0.0.11"))
	}
	for i, p := range []*linktest.Port{l.ports[0], l.ports[1], l.wire} {
		if p.Len() != n {
			t.Errorf("%d frames at port %d, want %d", p.Len(), i, n)
		}
	}
	close(b.out)
	<-done
}

// The goroutine of group frames is one for all. While a netstack holds it, unicast goes on, and group frames wait
// for as long as there is room; what there is none for is counted on who sent it.
func TestBlockedNetstackAndGroups(t *testing.T) {
	l, b := asleep(t)
	group := frame4(linktest.Broadcast(), masterMAC, "10.0.0.11", "10.0.0.255")
	l.dev[0].Transmit(group)
	<-b.in
	const n = 3000
	for range n {
		l.dev[0].Transmit(group)
	}
	l.dev[0].Transmit(frame4(masterMAC, masterMAC, "10.0.0.11", "10.0.0.12"))
	if got := l.ports[1].Len(); got != 2 {
		t.Errorf("%d frames, want the first of the group and that of unicast", got)
	}
	lost := l.dev[0].Stats().Drops["queue-full"]
	if want := uint64(n - 1000); lost != want {
		t.Errorf("%d lost, want %d", lost, want)
	}
	go func() {
		for range b.in {
		}
	}()
	close(b.out)
	for range n - int(lost) + 2 {
		l.ports[1].Next(t)
	}
	for range n - int(lost) + 1 {
		l.wire.Next(t)
	}
	if l.ports[1].Len()+l.wire.Len() > 0 {
		t.Error("more frames than were sent")
	}
	close(b.in)
}
