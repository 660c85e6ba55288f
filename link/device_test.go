package link_test

import (
	"errors"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/ipvl/ipvl/link"
	"github.com/ipvl/ipvl/link/linktest"
	"github.com/ipvl/ipvl/link/vnet"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
)

func TestAddressBelongsToOneDevice(t *testing.T) {
	l := newLab(t, link.MasterOptions{Mode: link.ModeL2})
	for _, a := range []string{"10.0.0.11", "::ffff:10.0.0.11", "fd00::11"} {
		err := l.dev[1].AddAddress(ip(a))
		var typed *link.Error
		if !errors.Is(err, link.ErrAddressInUse) || !errors.As(err, &typed) {
			t.Errorf("%s taken twice: %v", a, err)
		}
	}
	if err := l.dev[0].AddAddress(ip("10.0.0.11")); err != nil {
		t.Errorf("its own again: %v", err)
	}
	if l.dev[1].RemoveAddress(ip("10.0.0.11")) {
		t.Error("a device removed another's address")
	}
	if !l.dev[0].RemoveAddress(ip("10.0.0.11")) {
		t.Error("a device could not remove its own address")
	}
	if err := l.dev[1].AddAddress(ip("10.0.0.11")); err != nil {
		t.Errorf("free address: %v", err)
	}
	l.master.Receive(frame4(masterMAC, peerMAC, "10.0.0.100", "10.0.0.11"))
	l.want("moved address", "s2")
	if err := l.dev[0].AddAddress(netip.Addr{}); !errors.Is(err, link.ErrInvalid) {
		t.Errorf("the zero address: %v", err)
	}
}

func TestDownKeepsAddressesReserved(t *testing.T) {
	l := newLab(t, link.MasterOptions{Mode: link.ModeL3})
	l.dev[0].SetUp(false)
	l.master.Receive(frame4(masterMAC, peerMAC, "10.0.0.100", "10.0.0.11"))
	if got := l.ports[0].Len(); got != 0 {
		t.Errorf("%d frames for a device that is down", got)
	}
	if err := l.dev[1].AddAddress(ip("10.0.0.11")); !errors.Is(err, link.ErrAddressInUse) {
		t.Errorf("address of a device that is down: %v", err)
	}
	l.dev[0].SetUp(true)
	l.master.Receive(frame4(masterMAC, peerMAC, "10.0.0.100", "10.0.0.11"))
	l.ports[0].Next(t)
}

func TestClosedDeviceFreesAll(t *testing.T) {
	l := newLab(t, link.MasterOptions{Mode: link.ModeL2})
	var ended int
	l.dev[0].SetOnCloseAction(func() { ended++ })
	l.dev[0].Close()
	l.dev[0].Close()
	if ended != 1 {
		t.Errorf("the close action ran %d times", ended)
	}
	if err := l.dev[1].AddAddress(ip("10.0.0.11")); err != nil {
		t.Error(err)
	}
	if err := l.dev[0].AddAddress(ip("10.9.9.9")); !errors.Is(err, link.ErrClosed) {
		t.Errorf("address on a closed device: %v", err)
	}
	l.dev[0].SetUp(true)
	if got := len(l.master.Devices()); got != 1 {
		t.Errorf("%d devices left", got)
	}
}

// With a host port, what devices send to the host goes there and nowhere else;
// what comes over the wire goes to the stack.
func TestHostPort(t *testing.T) {
	host := linktest.NewPort(0)
	l := newLab(t, link.MasterOptions{Mode: link.ModeL2, Host: host})
	l.dev[0].Transmit(frame4(masterMAC, masterMAC, "10.0.0.11", "10.0.0.1"))
	l.want("from a device")
	if host.Len() != 1 {
		t.Errorf("%d frames for the host", host.Len())
	}
	// As on the kernel's master: a priority tag is nothing, a VLAN, a foreign
	// MAC address and a group are not for its IP layer.
	tagged := func(id uint16) []byte {
		return linktest.Tag(frame4(masterMAC, masterMAC, "10.0.0.11", "10.0.0.1"), 0x8100, id)
	}
	l.dev[0].Transmit(tagged(0))
	l.dev[0].Transmit(tagged(5))
	l.dev[0].Transmit(frame4(otherMAC, otherMAC, "10.0.0.11", "10.0.0.1"))
	l.dev[0].Transmit(frame4(linktest.Broadcast(), linktest.Broadcast(), "10.0.0.11", "10.0.0.1"))
	l.want("odd ones", "s1", "s2")
	host.Take()
	if f := host.Take(); host.Len() != 0 || f == nil || f[10+12] != 8 || f[10+13] != 0 {
		t.Errorf("%d more frames for the host; untagged: % x", host.Len(), f)
	}
	host.WriteFrame(make([]byte, 24))
	l.master.Receive(frame4(masterMAC, peerMAC, "10.0.0.100", "10.0.0.1"))
	l.want("from the wire", "host")
	a, _ := deviceNode(t, l.master, "10.0.0.13/24")
	at, proto := fullAddress("10.0.0.1")
	if err := a.s.AddStaticNeighbor(1, proto, at.Addr, tcpip.LinkAddress(masterMAC[:])); err != nil {
		t.Fatal(err)
	}
	c, err := gonet.DialUDP(a.s, nil, &at, proto)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	l.want("from a stack")
	if host.Len() != 2 {
		t.Errorf("%d frames for the host", host.Len())
	}
}

func TestIDsAreNotReusedBeforeTheyWrap(t *testing.T) {
	l := newLab(t, link.MasterOptions{})
	l.dev[1].Close()
	for want := uint16(3); want < 6; want++ {
		d, err := l.master.NewDevice(link.DeviceOptions{})
		if err != nil || d.ID() != want {
			t.Fatalf("id %d, %v; want %d", d.ID(), err, want)
		}
		d.Close()
	}
}

func TestIDOfAnEarlierRun(t *testing.T) {
	l := newLab(t, link.MasterOptions{}) // ids 1 and 2
	for _, c := range []struct{ ask, want uint16 }{{7, 7}, {2, 8}, {0, 9}, {0xfffe, 10}, {5, 5}, {0, 11}} {
		d, err := l.master.NewDevice(link.DeviceOptions{ID: c.ask})
		if err != nil || d.ID() != c.want {
			t.Fatalf("asked for %d: %v; want %d", c.ask, err, c.want)
		}
	}
}

func TestIDsRunOut(t *testing.T) {
	m, err := link.NewMasterOnPort(linktest.NewPort(0), link.MasterOptions{MAC: masterMAC})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Shutdown()
	for i := range 0xfffd {
		if _, err := m.NewDevice(link.DeviceOptions{}); err != nil {
			t.Fatalf("device %d: %v", i, err)
		}
	}
	if _, err := m.NewDevice(link.DeviceOptions{}); !errors.Is(err, link.ErrNoID) {
		t.Errorf("one device too many: %v", err)
	}
}

func TestLinkLocalHoldsTheID(t *testing.T) {
	l := newLab(t, link.MasterOptions{})
	if got := l.dev[0].LinkLocal(); got != ip("fe80::2aa:bb00:1cc:dd01") {
		t.Error(got)
	}
}

func TestMasterDownStopsTheWireOnly(t *testing.T) {
	l := newLab(t, link.MasterOptions{Mode: link.ModeL2})
	l.master.SetDown(true)
	l.master.Receive(frame4(masterMAC, peerMAC, "10.0.0.100", "10.0.0.11"))
	l.dev[0].Transmit(frame4(peerMAC, masterMAC, "10.0.0.11", "10.0.0.100"))
	l.dev[0].Transmit(frame4(masterMAC, masterMAC, "10.0.0.11", "10.0.0.12"))
	l.master.SetDown(false)
	l.want("master down", "s2")
}

func TestMasterRefusesWhatMeansNothing(t *testing.T) {
	port := linktest.NewPort(0)
	for name, o := range map[string]link.MasterOptions{
		"no MAC":    {},
		"group MAC": {MAC: link.MAC{1}},
		"mode 9":    {MAC: masterMAC, Mode: 9},
		"flag 9":    {MAC: masterMAC, Flag: 9},
	} {
		if _, err := link.NewMasterOnPort(port, o); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	if _, err := link.NewMaster(nil, link.MasterOptions{}); err == nil {
		t.Error("no endpoint was accepted")
	}
}

func TestMasterMTUOverwrites(t *testing.T) {
	l := newLab(t, link.MasterOptions{})
	l.dev[0].SetMTU(600)
	l.master.SetMTU(1400)
	if l.dev[0].MTU() != 1400 || l.dev[1].MTU() != 1400 || l.master.MTU() != 1400 {
		t.Error(l.dev[0].MTU(), l.dev[1].MTU(), l.master.MTU())
	}
}

// At most one of those who ask at once gets an address, and no frame goes to
// two owners meanwhile.
func TestConcurrentOwnership(t *testing.T) {
	l := newLab(t, link.MasterOptions{Mode: link.ModeL3})
	a := ip("10.7.7.7")
	var wg sync.WaitGroup
	var held atomic.Int32
	for _, d := range l.dev {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for range 2000 {
				if d.AddAddress(a) != nil {
					continue
				}
				if held.Add(1) > 1 {
					t.Error("two owners at once")
				}
				held.Add(-1)
				d.RemoveAddress(a)
			}
		}()
	}
	for range 2000 {
		l.master.Receive(frame4(masterMAC, peerMAC, "10.0.0.100", "10.7.7.7"))
		for _, p := range l.ports {
			p.Take()
		}
	}
	wg.Wait()
	if got := l.master.Owner(a); got != nil {
		t.Errorf("still owned by %s", got.Name())
	}
}

func TestWordsOfModesAndFlags(t *testing.T) {
	for _, m := range []link.Mode{link.ModeL2, link.ModeL3, link.ModeL3S} {
		if got, err := link.ParseMode(m.String()); err != nil || got != m {
			t.Error(m, got, err)
		}
	}
	for _, f := range []link.Flag{link.FlagBridge, link.FlagPrivate, link.FlagVEPA} {
		if got, err := link.ParseFlag(f.String()); err != nil || got != f {
			t.Error(f, got, err)
		}
	}
	for _, w := range []string{"", "L2", "l22", "bridged"} {
		_, m := link.ParseMode(w)
		_, f := link.ParseFlag(w)
		if m == nil || f == nil {
			t.Errorf("%q was accepted", w)
		}
	}
}

func TestDropsNameTheirReason(t *testing.T) {
	seen := map[string]bool{}
	for r := link.ReasonShort; r.String() != "unknown"; r++ {
		if seen[r.String()] || r.String() == "" {
			t.Errorf("reason %d is called %q", r, r)
		}
		seen[r.String()] = true
	}
	if !slices.Contains([]string{"write"}, link.ReasonWrite.String()) {
		t.Error("the last name does not belong to the last reason:", link.ReasonWrite)
	}
}

func TestNothingIsAllocatedPerFrame(t *testing.T) {
	for name, o := range map[string]link.MasterOptions{
		"l2": {Mode: link.ModeL2},
		"l3": {Router: &fakeRouter{hop: send(1500)}},
	} {
		l := newLab(t, o)
		sink := sinkPort{}
		d, err := l.master.NewDevice(link.DeviceOptions{Port: sink})
		if err != nil {
			t.Fatal(err)
		}
		d.SetUp(true)
		if err := d.AddAddress(ip("10.0.0.13")); err != nil {
			t.Fatal(err)
		}
		toDev := frame4(masterMAC, masterMAC, "10.0.0.11", "10.0.0.13")
		fromWire := frame4(masterMAC, peerMAC, "10.0.0.100", "10.0.0.13")
		if n := testing.AllocsPerRun(100, func() { l.dev[0].Transmit(toDev) }); n != 0 {
			t.Errorf("%s: device to device allocates %v", name, n)
		}
		if n := testing.AllocsPerRun(100, func() { l.master.Receive(fromWire) }); n != 0 {
			t.Errorf("%s: wire to device allocates %v", name, n)
		}
	}
	m, err := link.NewMasterOnPort(sinkPort{}, link.MasterOptions{MAC: masterMAC, Router: &fakeRouter{hop: send(1500)}})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Shutdown()
	d, err := m.NewDevice(link.DeviceOptions{Port: sinkPort{}})
	if err != nil {
		t.Fatal(err)
	}
	out := frame4(masterMAC, masterMAC, "10.0.0.11", "10.0.0.100")
	if n := testing.AllocsPerRun(100, func() { d.Transmit(out) }); n != 0 {
		t.Errorf("device to wire over the router allocates %v", n)
	}
}

// sinkPort takes everything.
type sinkPort struct{}

func (sinkPort) WriteFrame([]byte) error { return nil }
func (sinkPort) WriteVec([][]byte) error { return nil }
func (sinkPort) Features() vnet.Features { return vnet.FeaturesAll }
