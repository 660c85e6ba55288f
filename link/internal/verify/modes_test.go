package verify

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"testing"

	"github.com/ipvl/ipvl/link"
	"github.com/ipvl/ipvl/link/linktest"
	"github.com/ipvl/ipvl/link/vnet"
)

const (
	fromDevice    = 0 // as carry has it
	fromWire      = 2
	fromHost      = 3
	wireEnd       = 2
	hostEnd       = 3
	elsewhereEnd  = 4
	firstMaster4  = "10.0.0.1"
	firstMaster6  = "fd00::1"
	prioritySeven = 0xe000 // a tag without a VLAN
)

var (
	anyMAC = linktest.MAC{2, 9, 9, 9, 9, 9} // what a device without neighbours may write

	routedOut = way{anyMAC, peerMAC, "10.0.0.11", "192.0.2.9", "fd00::11", "2001:db8::9"}
	toHost    = way{masterMAC, masterMAC, "10.0.0.11", firstMaster4, "fd00::11", firstMaster6}
	routedIn  = way{anyMAC, peerMAC, "10.0.0.11", firstMaster4, "fd00::11", firstMaster6}
	ofHost    = way{peerMAC, anyMAC, firstMaster4, "10.0.0.11", firstMaster6, "fd00::11"}
)

// passage is a way through a master, and what it does to a frame.
type passage struct {
	name      string
	mode      link.Mode
	from, end int
	w         way
	hop       link.Hop
	priority  bool // some frames have a tag that says no more than that
	change    func(frame []byte) []byte
}

var passages = []passage{
	{name: "device to host", mode: link.ModeL2, from: fromDevice, end: hostEnd, w: toHost, priority: true, change: untagged},
	{name: "host to device", mode: link.ModeL2, from: fromHost, end: 0, w: ofHost, priority: true, change: delivered},

	{name: "device to device", mode: link.ModeL3, from: fromDevice, end: 1, w: siblings, change: bytes.Clone},
	{name: "device to wire", mode: link.ModeL3, from: fromDevice, end: wireEnd, w: routedOut, hop: link.Hop{Verdict: link.HopSend, Dst: peerMAC, Src: masterMAC}, change: left},
	{name: "device to wire, later", mode: link.ModeL3, from: fromDevice, end: wireEnd, w: routedOut, hop: link.Hop{Verdict: link.HopWait}, change: left},
	{name: "device to elsewhere", mode: link.ModeL3, from: fromDevice, end: elsewhereEnd, w: routedOut, hop: link.Hop{Verdict: link.HopElsewhere}, change: mended},
	{name: "wire to device", mode: link.ModeL3, from: fromWire, end: 1, w: inward, priority: true, change: bytes.Clone},
	{name: "device to host", mode: link.ModeL3, from: fromDevice, end: hostEnd, w: routedIn, change: local},
	{name: "host to device", mode: link.ModeL3, from: fromHost, end: 0, w: ofHost, priority: true, change: delivered},

	{name: "device to device", mode: link.ModeL3S, from: fromDevice, end: 1, w: siblings, change: bytes.Clone},
	{name: "device to wire", mode: link.ModeL3S, from: fromDevice, end: wireEnd, w: routedOut, hop: link.Hop{Verdict: link.HopSend, Dst: peerMAC, Src: masterMAC}, change: left},
	{name: "wire to device", mode: link.ModeL3S, from: fromWire, end: 1, w: inward, priority: true, change: tidied},
	{name: "device to host", mode: link.ModeL3S, from: fromDevice, end: hostEnd, w: routedIn, change: local},
	{name: "host to device", mode: link.ModeL3S, from: fromHost, end: 0, w: ofHost, priority: true, change: delivered},
}

// addressed is a frame with other MAC addresses.
func addressed(frame []byte, dst, src linktest.MAC) []byte {
	b := bytes.Clone(frame)
	copy(b[workLen:], dst[:])
	copy(b[workLen+6:], src[:])
	return b
}

// mended is a frame whose lengths are what there is of it, as those of all that a host sends
// (ip_local_out, ip6_local_out): padding becomes payload.
func mended(frame []byte) []byte {
	b := bytes.Clone(frame)
	p, _ := look(b[workLen:])
	ip := b[workLen+p.l3:]
	if p.v6 {
		binary.BigEndian.PutUint16(ip[4:], uint16(len(ip)-40))
	} else {
		binary.BigEndian.PutUint16(ip[2:], uint16(len(ip)))
		p.header(b[workLen:])
	}
	return b
}

// left is mended on its way to the next hop; nobody takes anything off its TTL.
func left(frame []byte) []byte { return addressed(mended(frame), peerMAC, masterMAC) }

// local is mended on its way to the host of the master.
func local(frame []byte) []byte { return addressed(mended(frame), masterMAC, peerMAC) }

// delivered is what comes from the host's link, where MAC addresses mean nothing.
func delivered(frame []byte) []byte { return addressed(untagged(frame), masterMAC, masterMAC) }

// untagged is a frame without its tags.
func untagged(frame []byte) []byte {
	w, eth, _ := split(frame)
	p, _ := look(eth)
	n := uint16(p.l3 - 14)
	if w.flags != 0 {
		w.start -= n
	}
	if w.hdr != 0 {
		w.hdr -= n
	}
	return w.with(append(bytes.Clone(eth[:12]), eth[p.l3-2:]...))
}

// tidied is what an IP layer lets through: neither tag nor padding.
func tidied(frame []byte) []byte {
	b := untagged(frame)
	p, _ := look(b[workLen:])
	return b[:workLen+p.end]
}

// become is what has to arrive of flows, each frame of which change changes.
func become(all []flow, change func([]byte) []byte) *flows {
	f := newFlows()
	for _, x := range all {
		for _, frame := range x.frames {
			frame = change(frame)
			if k, ok := keyOf(frame[workLen:]); ok {
				f.names[k.other()] = x.name
			}
			if err := f.add(frame); err != nil {
				panic(err) // the generator's mistake
			}
		}
	}
	return f
}

// tagsMeanPriority takes the VLAN out of all tags.
func tagsMeanPriority(all []flow) {
	for _, x := range all {
		for _, f := range x.frames {
			if eth := f[workLen:]; eth[12] == 0x81 {
				binary.BigEndian.PutUint16(eth[14:], prioritySeven)
			}
		}
	}
}

// nextHop is a router with one answer, which holds what has to wait.
type nextHop struct {
	hop  link.Hop
	held [][]byte
}

func (n *nextHop) Next(link.Query) link.Hop { return n.hop }

func (n *nextHop) Hold(_ link.Hop, frame []byte) bool {
	n.held = append(n.held, bytes.Clone(frame))
	return true
}

// TestModes goes every way that is not the one of l2, with batches and without. What far sides take
// of some work alone is seen to in l2.
func TestModes(t *testing.T) {
	for _, p := range passages {
		t.Run(fmt.Sprintf("%v, %s", p.mode, p.name), func(t *testing.T) {
			tags := 0
			if p.priority {
				tags = 1
			}
			all := p.w.make(random(t), table(tags))
			tagsMeanPriority(all)
			want := become(all, p.change)
			for _, fs := range featureSets[:3] {
				for _, batches := range []bool{false, true} {
					t.Run(fmt.Sprintf("%s, batches %v", fs.name, batches), func(t *testing.T) {
						t.Parallel()
						p.test(t, newWorld(t, p.mode, p.hop, fs.have, batches), all, want)
					})
				}
			}
		})
	}
}

// world is a lab with all that frames may go to.
type world struct {
	*lab
	ports  [5]link.Port // of devices 0 and 1, of the wire, of the host, elsewhere
	router *nextHop
	batch  *link.Batch
}

func newWorld(t testing.TB, mode link.Mode, hop link.Hop, have vnet.Features, batches bool) *world {
	t.Helper()
	x := &world{router: &nextHop{hop: hop}}
	for i := range x.ports {
		x.ports[i] = &memory{features: have}
		if batches {
			x.ports[i] = batching{&memory{features: have}}
			x.batch = new(link.Batch)
		}
	}
	x.wire(t, mode)
	return x
}

// wire makes the lab of a world that has its ports.
func (x *world) wire(t testing.TB, mode link.Mode) {
	t.Helper()
	x.lab = newLab(t, [3]link.Port(x.ports[:3]), link.MasterOptions{Mode: mode, Router: x.router, Elsewhere: x.ports[elsewhereEnd]})
	x.master.SetHostLink(x.ports[hostEnd], []netip.Addr{netip.MustParseAddr(firstMaster4), netip.MustParseAddr(firstMaster6)})
	x.dev[0].SetFlags(link.DeviceFlags{Host: true})
}

// send gives flows to where a passage starts, and returns how many frames they are.
func (x *world) send(from int, all []flow) (sent int) {
	for _, round := range rounds(all, x.batch != nil) {
		sent += len(round)
		x.carry(from, cloned(round), x.batch)
	}
	for _, f := range x.router.held {
		x.master.Emit(addressed(f, peerMAC, masterMAC))
	}
	return sent
}

func (p passage) test(t *testing.T, x *world, all []flow, want *flows) {
	sent := x.send(p.from, all)
	end := memoryOf(x.ports[p.end])
	compare(t, want, end.take(t, want.names))
	for j, other := range x.ports {
		if n := memoryOf(other).take(t, nil).count; j != p.end && n > 0 {
			t.Errorf("%d frames went astray to port %d", n, j)
		}
	}
	end.mu.Lock()
	defer end.mu.Unlock()
	merges := p.end < hostEnd && p.from != fromHost && p.hop.Verdict != link.HopWait
	if merges && x.batch != nil && end.features == vnet.FeaturesAll && len(end.frames) > sent*9/10 {
		t.Errorf("%d of %d frames: nothing was merged", len(end.frames), sent)
	}
}
