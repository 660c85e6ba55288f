package link_test

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/ipvl/ipvl/link"
	"github.com/ipvl/ipvl/link/linktest"
	"github.com/ipvl/ipvl/link/vnet"
)

var (
	masterMAC = linktest.MAC{2, 0xaa, 0xbb, 0xcc, 0xdd, 1}
	peerMAC   = linktest.MAC{2, 0x11, 0x22, 0x33, 0x44, 0x55}
	otherMAC  = linktest.MAC{2, 0x66, 0x77, 0x88, 0x99, 0xaa}
)

func ip(s string) netip.Addr { return netip.MustParseAddr(s) }

// lab is the topology of the kernel's description, with ports for the ends:
//
//	wire ── master (10.0.0.1, fe80::1: its host, a recorder) ── s1 10.0.0.11 fd00::11
//	                                                         └─ s2 10.0.0.12 fd00::12
type lab struct {
	t      testing.TB
	master *link.Master
	wire   *linktest.Port
	host   *linktest.Recorder
	ports  [2]*linktest.Port
	dev    [2]*link.Device
}

func newLab(t testing.TB, o link.MasterOptions) *lab {
	t.Helper()
	l := &lab{t: t, wire: linktest.NewPort(vnet.FeaturesAll), host: &linktest.Recorder{}}
	o.MAC = masterMAC
	var err error
	if l.master, err = link.NewMasterOnPort(l.wire, o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.master.Shutdown)
	l.master.Attach(l.host)
	for i, addrs := range [][]string{{"10.0.0.11", "fd00::11"}, {"10.0.0.12", "fd00::12"}} {
		l.ports[i] = linktest.NewPort(vnet.FeaturesAll)
		if l.dev[i], err = l.master.NewDevice(link.DeviceOptions{Name: []string{"s1", "s2"}[i], Port: l.ports[i]}); err != nil {
			t.Fatal(err)
		}
		l.dev[i].SetUp(true)
		for _, a := range addrs {
			if err := l.dev[i].AddAddress(ip(a)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return l
}

// sentinel is a broadcast of an experimental ethertype: group frames keep
// their order, so that all that was sent before it has arrived when it does.
const sentinel = 0x88b5

// settle returns who got a copy of what was sent since the last call: any of
// s1, s2, wire, host, in that order, one entry for each frame.
func (l *lab) settle() []string {
	l.t.Helper()
	restore := l.master.Mode()
	if err := l.master.Set(link.ModeL2, l.master.Flag()); err != nil {
		l.t.Fatal(err)
	}
	l.master.Receive(linktest.Frame(linktest.Broadcast(), peerMAC, sentinel, make([]byte, 46)))
	var got []string
	for i, p := range l.ports {
		for f := p.Next(l.t); !isSentinel(f[vnet.HeaderLen:]); f = p.Next(l.t) {
			got = append(got, []string{"s1", "s2"}[i])
		}
	}
	for f := l.wire.Take(); f != nil; f = l.wire.Take() {
		got = append(got, "wire")
	}
	for _, f := range l.host.Take() {
		if !isSentinel(f) {
			got = append(got, "host")
		}
	}
	if err := l.master.Set(restore, l.master.Flag()); err != nil {
		l.t.Fatal(err)
	}
	return got
}

func isSentinel(eth []byte) bool { return eth[12] == sentinel>>8 && eth[13] == sentinel&0xff }

// want is settle with the check.
func (l *lab) want(name string, who ...string) {
	l.t.Helper()
	if got := l.settle(); !slices.Equal(got, who) {
		l.t.Errorf("%s: went to %v, want %v", name, got, who)
	}
}
