package link_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/ipvl/ipvl/link"
	"github.com/ipvl/ipvl/link/linktest"
	"github.com/ipvl/ipvl/link/vnet"
)

// fakeHooks passes all that its functions do not decide.
type fakeHooks struct {
	input  func(frame []byte) ([]byte, link.HookReason)
	output func(frame []byte) ([]byte, link.Hop, link.HookReason)
}

func (h *fakeHooks) Input(frame []byte) ([]byte, link.HookReason) {
	if h.input == nil {
		return frame, link.HookPass
	}
	return h.input(frame)
}

func (h *fakeHooks) Output(frame []byte) ([]byte, link.Hop, link.HookReason) {
	if h.output == nil {
		return frame, link.Hop{Verdict: link.HopSend, Dst: peerMAC, Src: masterMAC}, link.HookPass
	}
	return h.output(frame)
}

// remend sets the header checksum of an IPv4 frame that was changed.
func remend(frame []byte) []byte {
	hdr := frame[24:44]
	hdr[10], hdr[11] = 0, 0
	binary.BigEndian.PutUint16(hdr[10:], linktest.Checksum(hdr, 0))
	return frame
}

func receiveL3SCases() []stimulus {
	bc, snm := linktest.Broadcast(), linktest.GroupMAC(ip("ff02::1:ff00:11"))
	good := func() []byte { return frame4(masterMAC, peerMAC, "10.0.0.100", "10.0.0.11") }
	return []stimulus{
		{"unicast", good(), "s1"},
		{"unicast v6", frame4(masterMAC, peerMAC, "fd00::100", "fd00::12"), "s2"},
		{"unicast to the master", frame4(masterMAC, peerMAC, "10.0.0.100", "10.0.0.1"), "host"},
		{"broadcast MAC, unicast IP", frame4(bc, peerMAC, "10.0.0.100", "10.0.0.11"), "s1"},
		{"multicast MAC, unicast IP", frame4(linktest.GroupMAC(ip("239.1.1.1")), peerMAC, "10.0.0.100", "10.0.0.12"), "s2"},
		{"foreign MAC", frame4(otherMAC, peerMAC, "10.0.0.100", "10.0.0.11"), ""},
		{"ARP request for s1", arpFrame(bc, 1, peerMAC, "10.0.0.100", "10.0.0.11"), "host"},
		{"unicast ARP for s1", arpFrame(masterMAC, 1, peerMAC, "10.0.0.100", "10.0.0.11"), "host"},
		{"limited broadcast", frame4(bc, peerMAC, "10.0.0.100", "255.255.255.255"), "host"},
		{"subnet broadcast", frame4(bc, peerMAC, "10.0.0.100", "10.0.0.255"), "host"},
		{"multicast", frame4(linktest.GroupMAC(ip("239.1.1.1")), peerMAC, "10.0.0.100", "239.1.1.1"), "host"},
		{"NS to the group", ns(snm, peerMAC, "fd00::100", "ff02::1:ff00:11", "fd00::11"), "host"},
		{"DAD NS", ns(snm, peerMAC, "::", "ff02::1:ff00:11", "fd00::11"), "host"},
		{"unicast NS", ns(masterMAC, peerMAC, "fd00::100", "fd00::11", "fd00::11"), "s1"},
		{"TTL 0", remend(broken(good(), 8, 0)), "s1"},
		{"VLAN 5", linktest.Tag(good(), 0x8100, 5), ""},
		{"VLAN 0", linktest.Tag(good(), 0x8100, 0), "s1"},
		{"wrong header checksum", broken(good(), 10, 0xee), ""},
		{"IPv6 payload length too big", broken(frame4(masterMAC, peerMAC, "fd00::100", "fd00::11"), 4, 0xff), ""},
		{"source 0.0.0.0", frame4(masterMAC, peerMAC, "0.0.0.0", "10.0.0.11"), "host"},
		{"source of a group", frame4(masterMAC, peerMAC, "239.1.1.1", "10.0.0.11"), "host"},
		{"source 127.0.0.1", frame4(masterMAC, peerMAC, "127.0.0.1", "10.0.0.11"), "host"},
		{"source ::1", frame4(masterMAC, peerMAC, "::1", "fd00::11"), "host"},
		{"own source MAC", frame4(masterMAC, masterMAC, "10.0.0.12", "10.0.0.11"), "s1"},
	}
}

// With hooks that let all pass the same holds as without.
func TestReceiveL3S(t *testing.T) {
	for _, h := range []link.Hooks{nil, &fakeHooks{}} {
		l := newLab(t, link.MasterOptions{Mode: link.ModeL3S})
		l.master.SetHooks(h)
		l.dev[0].SetFilter(link.Filter{All: true})
		l.run(receiveL3SCases(), l.master.Receive)
	}
}

// What arrives is what the IP layer leaves: the master's MAC address, no tag,
// no padding, counted with its IP length.
func TestL3STidiesWhatArrives(t *testing.T) {
	packet := linktest.UDP(addrPort("10.0.0.100", 1), addrPort("10.0.0.11", 2), []byte("hi"))
	padded := linktest.Frame(linktest.Broadcast(), peerMAC, 0x0800, append(packet, make([]byte, 16)...))
	want := linktest.Frame(masterMAC, peerMAC, 0x0800, packet)
	for name, f := range map[string][]byte{"padded": padded, "tagged": linktest.Tag(padded, 0x8100, 0)} {
		l := newLab(t, link.MasterOptions{Mode: link.ModeL3S})
		l.master.Receive(bytes.Clone(f))
		if got := l.ports[0].Take(); !bytes.Equal(got, want) {
			t.Errorf("%s: got % x, want % x", name, got, want)
		}
		if s := l.dev[0].Stats(); s.RxPackets != 1 || s.RxBytes != 14+30 || s.Multicast != 0 {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

// The offsets of a partial checksum move with the tag that goes.
func TestL3SMovesOffsets(t *testing.T) {
	f := linktest.Tag(frame4(masterMAC, peerMAC, "10.0.0.100", "10.0.0.11"), 0x8100, 0)
	h := vnet.Header{Flags: vnet.FlagNeedsCsum, CsumStart: 38, CsumOffset: 6}
	h.Encode(f)
	l := newLab(t, link.MasterOptions{Mode: link.ModeL3S})
	l.master.Receive(f)
	got := l.ports[0].Take()
	if err := h.Decode(got); err != nil || h.CsumStart != 34 || h.CsumOffset != 6 {
		t.Errorf("%v, %v", h, err)
	}
}

// Input decides on the frame as it comes; what leaves it is looked up.
func TestInputHook(t *testing.T) {
	h := &fakeHooks{}
	l := newLab(t, link.MasterOptions{Mode: link.ModeL3S})
	l.master.SetHooks(h)
	toMaster := func() []byte { return frame4(masterMAC, peerMAC, "10.0.0.100", "10.0.0.1") }
	calls := 0
	h.input = func(f []byte) ([]byte, link.HookReason) { // as DNAT does
		calls++
		out := bytes.Clone(f)
		copy(out[10+14+16:], ip("10.0.0.12").AsSlice())
		return out, link.HookPass
	}
	l.master.Receive(toMaster())
	l.want("translated to s2", "s2")
	for want, reason := range map[string]link.HookReason{"host": link.HookHost, "": link.HookDrop} {
		h.input = func([]byte) ([]byte, link.HookReason) { calls++; return nil, reason }
		l.run([]stimulus{{"not passed", toMaster(), want}}, l.master.Receive)
	}
	if calls != 3 {
		t.Errorf("asked %d times, want 3", calls)
	}
	for _, m := range []link.Mode{link.ModeL2, link.ModeL3} {
		if err := l.master.Set(m, link.FlagBridge); err != nil {
			t.Fatal(err)
		}
		l.master.Receive(frame4(masterMAC, peerMAC, "10.0.0.100", "10.0.0.11"))
		l.want(m.String(), "s1")
	}
	if calls != 3 {
		t.Error("asked in another mode than l3s")
	}
}

// What is for no device goes the way that Output finds; the Router is not asked.
func TestOutputHook(t *testing.T) {
	for _, mode := range []link.Mode{link.ModeL3S, link.ModeL3} {
		t.Run(mode.String(), func(t *testing.T) { testOutputHook(t, mode) })
	}
}

func testOutputHook(t *testing.T, mode link.Mode) {
	h, router := &fakeHooks{}, &fakeRouter{hop: func(link.Query) link.Hop { t.Error("the Router was asked"); return link.Hop{} }}
	l := newLab(t, link.MasterOptions{Mode: mode, Router: router})
	l.master.SetHooks(h)
	toWire := func() []byte {
		return broken(frame4(masterMAC, masterMAC, "10.0.0.11", "10.0.0.100"), 10, 0xee)
	}
	h.output = func(f []byte) ([]byte, link.Hop, link.HookReason) {
		if linktest.Checksum(f[24:44], 0) != 0 {
			t.Error("not mended before it")
		}
		out := bytes.Clone(f)
		copy(out[10+14+12:], ip("10.0.0.1").AsSlice()) // as masquerade does
		return out, link.Hop{Verdict: link.HopSend, Dst: peerMAC, Src: otherMAC}, link.HookPass
	}
	l.dev[0].Transmit(toWire())
	if f := l.wire.Take(); f == nil || !bytes.Equal(f[10:22], append(peerMAC[:], otherMAC[:]...)) || f[10+14+15] != 1 {
		t.Errorf("on the wire: % x", f)
	}
	verdict := func(v link.HopVerdict, why link.HookReason) {
		h.output = func(f []byte) ([]byte, link.Hop, link.HookReason) {
			if why != link.HookPass {
				return nil, link.Hop{}, why
			}
			return f, link.Hop{Verdict: v}, why
		}
		l.dev[0].Transmit(toWire())
	}
	verdict(link.HopWait, link.HookPass)
	if l.want("wait"); len(router.held) != 1 {
		t.Errorf("%d frames held, want 1", len(router.held))
	}
	verdict(link.HopLocal, link.HookPass)
	l.want("local", "host")
	verdict(0, link.HookDrop)
	verdict(0, link.HookHeld)
	for n := range 10 + 14 + 20 { // no more than a part of a frame
		h.output = func(f []byte) ([]byte, link.Hop, link.HookReason) {
			return f[:n], reject(3, 1, "10.0.0.1"), link.HookPass
		}
		l.dev[0].Transmit(toWire())
	}
	l.want("dropped and held")
	if got := l.dev[0].Stats().Drops; len(got) != 1 || got["filter"] != 1+44 {
		t.Errorf("drops %v, want filter 45 times", got)
	}
	l.dev[0].Transmit(frame4(masterMAC, masterMAC, "10.0.0.11", "10.0.0.12"))
	l.want("a sibling, past the hooks", "s2")
	l.master.SetHooks(nil)
	router.hop = send(1500)
	l.dev[0].Transmit(toWire())
	l.want("without hooks", "wire")
	l.master.SetRouter(nil)
	l.master.SetHooks(h)
	verdict(link.HopWait, link.HookPass)
	if got := l.dev[0].Stats().Drops["no-router"]; got != 1 {
		t.Errorf("nobody to hold it: counted %d, want 1", got)
	}
}

func TestQueryOf(t *testing.T) {
	q, ok := link.QueryOf(frame4(masterMAC, masterMAC, "10.0.0.11", "192.0.2.7"))
	if !ok || q.Dst != ip("192.0.2.7") || q.Src != ip("10.0.0.11") || q.Proto != 17 {
		t.Errorf("%+v, %v", q, ok)
	}
	for _, f := range [][]byte{
		nil, make([]byte, 24),
		arpFrame(masterMAC, 1, peerMAC, "10.0.0.100", "10.0.0.11"),
		frame4(masterMAC, masterMAC, "10.0.0.11", "192.0.2.7")[:10+14+19],
		linktest.Tag(frame4(masterMAC, masterMAC, "fd00::1", "fd00::2"), 0x8100, 5),
	} {
		if q, ok := link.QueryOf(f); ok {
			t.Errorf("% x gave %+v", f, q)
		}
	}
}

func TestOwns(t *testing.T) {
	l := newLab(t, link.MasterOptions{})
	for _, a := range []string{"10.0.0.11", "::ffff:10.0.0.11", "fd00::12"} {
		if !l.master.Owns(ip(a)) {
			t.Error("no owner of", a)
		}
	}
	l.dev[0].SetUp(false)
	for _, a := range []string{"10.0.0.11", "10.0.0.99", "fd00::99"} {
		if l.master.Owns(ip(a)) {
			t.Error("an owner that is up of", a)
		}
	}
}
