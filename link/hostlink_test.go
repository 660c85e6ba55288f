package link_test

import (
	"bytes"
	"errors"
	"net/netip"
	"testing"

	"github.com/ipvl/ipvl/link"
	"github.com/ipvl/ipvl/link/linktest"
	"github.com/ipvl/ipvl/link/vnet"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

// cablePort is a Port whose far side is a cable; what comes out of the cable
// goes to the master as the host's.
type cablePort struct {
	end *linktest.End
	m   *link.Master
}

func (p *cablePort) Features() vnet.Features { return 0 }

func (p *cablePort) WriteVec(pieces [][]byte) error { return p.WriteFrame(bytes.Join(pieces, nil)) }

func (p *cablePort) WriteFrame(frame []byte) error {
	pkt, err := vnet.ToPacket(frame, vnet.PacketOptions{})
	if err != nil {
		return err
	}
	defer pkt.DecRef()
	var list stack.PacketBufferList
	list.PushBack(pkt)
	if n, _ := p.end.WritePackets(list); n != 1 {
		return errors.New("full")
	}
	return nil
}

func (p *cablePort) DeliverNetworkPacket(_ tcpip.NetworkProtocolNumber, pkt *stack.PacketBuffer) {
	p.m.FromHost(vnet.PacketToBytes(pkt, nil, false))
}

func (*cablePort) DeliverLinkPacket(tcpip.NetworkProtocolNumber, *stack.PacketBuffer) {}

// hostNode is the default namespace with a host link to m. It knows where the
// devices are: its link resolves nobody, and no MAC address on it matters.
func hostNode(t testing.TB, m *link.Master, devices []string, addrs ...string) *node {
	t.Helper()
	near, far := linktest.Cable(otherMAC, masterMAC)
	t.Cleanup(near.Stop)
	p := &cablePort{end: far, m: m}
	far.Attach(p)
	n := plainNode(t, near, addrs...)
	for _, a := range devices {
		at, proto := fullAddress(a)
		if err := n.s.AddStaticNeighbor(1, proto, at.Addr, tcpip.LinkAddress(peerMAC[:])); err != nil {
			t.Fatal(err)
		}
	}
	var own []netip.Addr
	for _, a := range addrs {
		own = append(own, netip.MustParsePrefix(a).Addr())
	}
	m.SetHostLink(p, own)
	return n
}

// The host and a device talk both ways, in both families, in every mode and
// under every flag, guarded and isolated.
func TestHostAndDeviceTalk(t *testing.T) {
	data := payload(1 << 16)
	for _, mode := range []link.Mode{link.ModeL2, link.ModeL3, link.ModeL3S} {
		for _, flag := range []link.Flag{link.FlagBridge, link.FlagPrivate, link.FlagVEPA} {
			m, err := link.NewMasterOnPort(linktest.NewPort(0), link.MasterOptions{MAC: masterMAC, Mode: mode, Flag: flag})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(m.Shutdown)
			a, d := deviceNode(t, m, "10.0.0.11/24", "fd00::11/64")
			host := hostNode(t, m, []string{"10.0.0.11", "fd00::11"}, "10.0.0.1/24", "fd00::1/64")
			d.SetFlags(link.DeviceFlags{Host: true, Guard: true, Isolate: true})
			for _, to := range []string{"10.0.0.1", "fd00::1"} {
				a.transfer(host, to, data)
			}
			for _, to := range []string{"10.0.0.11", "fd00::11"} {
				host.transfer(a, to, data)
			}
		}
	}
}

// What a device in L2 asks about the host is answered to it alone.
func TestHostIsResolvedInPlace(t *testing.T) {
	bc, snm := linktest.Broadcast(), linktest.GroupMAC(ip("ff02::1:ff00:1"))
	l := newLab(t, link.MasterOptions{Mode: link.ModeL2})
	port := linktest.NewPort(vnet.FeaturesAll)
	l.master.SetHostLink(port, []netip.Addr{ip("10.0.0.1"), ip("fd00::1")})
	l.dev[0].SetFlags(link.DeviceFlags{Host: true})
	for _, c := range []struct{ ask, answer []byte }{
		{
			arpFrame(bc, 1, masterMAC, "10.0.0.11", "10.0.0.1"),
			linktest.Frame(masterMAC, masterMAC, 0x0806, linktest.ARP(2, masterMAC, ip("10.0.0.1"), masterMAC, ip("10.0.0.11"))),
		},
		{ns(snm, masterMAC, "fd00::11", "ff02::1:ff00:1", "fd00::1"), naFrame(masterMAC, "fd00::1", "fd00::11", 0x60)},
		{ns(snm, masterMAC, "::", "ff02::1:ff00:1", "fd00::1"), naFrame(linktest.GroupMAC(ip("ff02::1")), "fd00::1", "ff02::1", 0x20)},
	} {
		l.dev[0].Transmit(bytes.Clone(c.ask))
		if got := l.ports[0].Next(t); !bytes.Equal(got, c.answer) {
			t.Errorf("answer\n% x, want\n% x", got, c.answer)
		}
		l.want("asked")
	}
	if port.Len() != 0 {
		t.Errorf("%d frames for the host", port.Len())
	}
	l.dev[1].Transmit(arpFrame(bc, 1, masterMAC, "10.0.0.12", "10.0.0.1"))
	l.want("from a device without the host beside it", "s1", "wire")
}

// Who has the host beside it sends there, all others as before; and it goes
// away again.
func TestHostLink(t *testing.T) {
	for _, mode := range []link.Mode{link.ModeL2, link.ModeL3} {
		local := func(link.Query) link.Hop { return link.Hop{Verdict: link.HopLocal} }
		l := newLab(t, link.MasterOptions{Mode: mode, Router: &fakeRouter{hop: local}})
		port := linktest.NewPort(vnet.FeaturesAll)
		l.master.SetHostLink(port, []netip.Addr{ip("10.0.0.1")})
		l.dev[0].SetFlags(link.DeviceFlags{Host: true})
		toHost := func(i int, from string) {
			l.dev[i].Transmit(frame4(masterMAC, masterMAC, from, "10.0.0.1"))
		}
		toHost(0, "10.0.0.11")
		l.want(mode.String() + ": beside")
		if port.Len() != 1 {
			t.Errorf("%v: %d frames, want 1", mode, port.Len())
		}
		l.dev[0].Transmit(frame4(masterMAC, masterMAC, "10.0.0.11", "10.0.9.1"))
		if port.Len() != 2 {
			t.Errorf("%v: what else is the host's: %d frames, want 2", mode, port.Len())
		}
		if a, d := deviceNode(t, l.master, "10.0.0.13/24"); mode == link.ModeL2 {
			d.SetFlags(link.DeviceFlags{Host: true})
			at, proto := fullAddress("10.0.9.1")
			if err := a.s.AddStaticNeighbor(1, proto, at.Addr, tcpip.LinkAddress(masterMAC[:])); err != nil {
				t.Fatal(err)
			}
			a.udp("10.0.9.1")
			if port.Take(); port.Len() != 2 {
				t.Errorf("of a stack: %d frames, want 2", port.Len())
			}
		}
		toHost(1, "10.0.0.12")
		l.want(mode.String()+": not beside", "host")
		l.master.SetHostLink(nil, nil)
		toHost(0, "10.0.0.11")
		l.want(mode.String()+": taken away", "host")
		if port.Len() != 2 {
			t.Errorf("%v: %d frames, want 2", mode, port.Len())
		}
	}
}

func TestFromHost(t *testing.T) {
	l := newLab(t, link.MasterOptions{Mode: link.ModeL2})
	l.dev[0].SetFlags(link.DeviceFlags{Host: true})
	l.dev[0].SetMTU(600)
	f := func(src, dst string) []byte { return frame4(peerMAC, otherMAC, src, dst) }
	for _, c := range []struct {
		name, reason string
		frame        []byte
	}{
		{"to s1", "", f("10.0.0.1", "10.0.0.11")},
		{"to s1 v6", "", f("fd00::1", "fd00::11")},
		{"priority tag", "", linktest.Tag(f("10.0.0.1", "10.0.0.11"), 0x8100, 0)},
		{"to s2, which has no host", "no-device", f("10.0.0.1", "10.0.0.12")},
		{"to nobody", "no-device", f("10.0.0.1", "10.0.0.99")},
		{"to a group", "no-device", f("10.0.0.1", "224.0.0.1")},
		{"ARP", "ethertype", arpFrame(linktest.Broadcast(), 1, otherMAC, "10.0.0.1", "10.0.0.11")},
		{"DAD", "ethertype", ns(linktest.GroupMAC(ip("ff02::1:ff00:11")), otherMAC, "::", "ff02::1:ff00:11", "fd00::11")},
		{"VLAN 5", "vlan", linktest.Tag(f("10.0.0.1", "10.0.0.11"), 0x8100, 5)},
		{"malformed", "ip-version", broken(f("10.0.0.1", "10.0.0.11"), 0, 0x65)},
		{"short", "short", make([]byte, 12)},
		{"too large", "-", linktest.Frame(peerMAC, otherMAC, 0x0800, udpPacket("10.0.0.1", "10.0.0.11", 600))},
	} {
		before := l.master.Stats().Drops[c.reason]
		l.master.FromHost(c.frame)
		got := l.ports[0].Take()
		if c.reason == "" {
			if got == nil || !bytes.Equal(got[10:22], append(masterMAC[:], masterMAC[:]...)) || got[22] == 0x81 {
				t.Errorf("%s: got % x", c.name, got)
			}
			continue
		}
		if got != nil || c.reason != "-" && l.master.Stats().Drops[c.reason] != before+1 {
			t.Errorf("%s: got %d bytes, drops %v", c.name, len(got), l.master.Stats().Drops)
		}
	}
	if got := l.dev[0].Stats().Drops["mtu"]; got != 1 {
		t.Errorf("%d counted as too large, want 1", got)
	}
}

// In l3s what passes between host and device passes the hooks as well.
func TestHostLinkPassesHooks(t *testing.T) {
	var in, out int
	h := &fakeHooks{}
	l := newLab(t, link.MasterOptions{Mode: link.ModeL3S})
	l.master.SetHooks(h)
	port := linktest.NewPort(vnet.FeaturesAll)
	l.master.SetHostLink(port, []netip.Addr{ip("10.0.0.1")})
	l.dev[0].SetFlags(link.DeviceFlags{Host: true})
	h.output = func(f []byte) ([]byte, link.Hop, link.HookReason) { out++; return f, link.Hop{}, link.HookPass }
	h.input = func(f []byte) ([]byte, link.HookReason) { in++; return f, link.HookPass }
	l.dev[0].Transmit(frame4(masterMAC, masterMAC, "10.0.0.11", "10.0.0.1"))
	l.master.FromHost(frame4(masterMAC, masterMAC, "10.0.0.1", "10.0.0.11"))
	if in != 1 || out != 1 || port.Len() != 1 || l.ports[0].Len() != 1 {
		t.Errorf("hooks in %d, out %d; host %d, device %d", in, out, port.Len(), l.ports[0].Len())
	}
	h.input = func([]byte) ([]byte, link.HookReason) { return nil, link.HookDrop }
	l.master.FromHost(frame4(masterMAC, masterMAC, "10.0.0.1", "10.0.0.11"))
	h.input = func([]byte) ([]byte, link.HookReason) { return nil, link.HookHost }
	l.master.FromHost(frame4(masterMAC, masterMAC, "10.0.0.1", "10.0.0.11"))
	if got := l.master.Stats().Drops["no-device"]; l.ports[0].Len() != 1 || got != 1 {
		t.Errorf("device %d, no-device %d", l.ports[0].Len(), got)
	}
}
