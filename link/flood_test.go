package link_test

import (
	"testing"

	"github.com/ipvl/ipvl/link"
	"github.com/ipvl/ipvl/link/linktest"
	"github.com/ipvl/ipvl/link/vnet"
)

// stuckPort does not return from its first write before it is let go.
type stuckPort struct {
	*linktest.Port
	entered, free chan struct{}
}

func (p *stuckPort) WriteFrame(frame []byte) error {
	select {
	case p.entered <- struct{}{}:
	default:
	}
	<-p.free
	return p.Port.WriteFrame(frame)
}

// Behind a device that does not take its group frames 1000 wait, from both
// sides together; what is too much is the sender's loss, or the master's where
// it came over the wire (rows ), and unicast goes on.
func TestGroupFramesWaitInABoundedQueue(t *testing.T) {
	m, err := link.NewMasterOnPort(linktest.NewPort(vnet.FeaturesAll), link.MasterOptions{Mode: link.ModeL2, MAC: masterMAC})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Shutdown)
	stuck := &stuckPort{linktest.NewPort(vnet.FeaturesAll), make(chan struct{}), make(chan struct{})}
	var dev [2]*link.Device
	ports := [2]link.Port{linktest.NewPort(vnet.FeaturesAll), stuck}
	for i := range dev {
		if dev[i], err = m.NewDevice(link.DeviceOptions{Port: ports[i]}); err != nil {
			t.Fatal(err)
		}
		dev[i].SetUp(true)
	}
	if err := dev[0].AddAddress(ip("10.0.0.10")); err != nil {
		t.Fatal(err)
	}
	broadcast := func(src linktest.MAC) []byte {
		return linktest.Frame(linktest.Broadcast(), src, 0x9999, make([]byte, 46))
	}
	dev[0].Transmit(broadcast(masterMAC))
	<-stuck.entered // one is under way, the queue is empty
	for range 600 {
		dev[0].Transmit(broadcast(masterMAC))
	}
	for range 400 {
		m.Receive(broadcast(peerMAC))
	}
	if got := dev[0].Stats().Drops["queue-full"] + m.Stats().Drops["queue-full"]; got != 0 {
		t.Errorf("%d lost of 1000", got)
	}
	for range 7 {
		dev[0].Transmit(broadcast(masterMAC))
	}
	for range 5 {
		m.Receive(broadcast(peerMAC))
	}
	if d, w := dev[0].Stats().Drops["queue-full"], m.Stats().Drops["queue-full"]; d != 7 || w != 5 {
		t.Errorf("lost: %d of the device, want 7; %d of the wire, want 5", d, w)
	}
	m.Receive(frame4(masterMAC, peerMAC, "10.0.0.100", "10.0.0.10"))
	if got := dev[0].Stats().RxPackets; got != 1 {
		t.Errorf("%d unicast frames beside a full queue, want 1", got)
	}
	close(stuck.free)
	for range 1001 {
		stuck.Port.Next(t)
	}
}
