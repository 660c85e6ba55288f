//go:build !race

package verify

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/ipvl/ipvl/link"
	"github.com/ipvl/ipvl/link/linktest"
	"github.com/ipvl/ipvl/link/vnet"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

// Under the race detector a sync.Pool forgets, at random, a quarter of what it is given.

// sink is a far side with features that takes everything.
type sink struct {
	features vnet.Features
	frames   int
}

func (s *sink) Features() vnet.Features { return s.features }

func (s *sink) WriteFrame([]byte) error { s.frames++; return nil }

func (s *sink) WriteVec([][]byte) error { s.frames++; return nil }

func (s *sink) WriteFrames(frames [][]byte) int { s.frames += len(frames); return 0 }

// load is what is carried again and again.
type load struct {
	name string
	kind kind
}

var loads = []load{
	{"small", kind{udp: true, sizes: []int{33}}},
	{"partial", kind{v6: true, udp: true, open: partial, sizes: []int{900}}},
	{"datagrams of one flow", kind{udp: true, sizes: run(32, 172)}},
	{"segments of one flow", kind{v6: true, sizes: run(32, 1000)}},
	{"super-frame of TCP", kind{open: super, mss: 1200, sizes: []int{60000}}},
	{"super-frame of UDP", kind{v6: true, udp: true, open: super, mss: 1200, sizes: []int{60000}}},
}

// frames are those of l from one to another, and room for those that are carried.
func (l load) frames(w way) (sent, room [][]byte) {
	sent = l.kind.frames(rand.New(rand.NewPCG(1, 1)), w, 4000)
	return sent, cloned(sent)
}

// refill makes room what sent is: whoever takes frames may change them.
func refill(room, sent [][]byte) {
	for i := range sent {
		room[i] = room[i][:copy(room[i][:cap(room[i])], sent[i])]
	}
}

// nothing fails where f allocates, once it has done so.
func nothing(t *testing.T, f func()) {
	t.Helper()
	atMost(t, 0, f)
}

func atMost(t *testing.T, most float64, f func()) {
	t.Helper()
	for range 3 {
		f()
	}
	if n := testing.AllocsPerRun(50, f); n > most {
		t.Errorf("%v allocations", n)
	}
}

// l2Passages are the ways of l2 between ports.
func l2Passages() (all []passage) {
	for i, h := range hops {
		from := fromDevice
		if i == 2 {
			from = fromWire
		}
		all = append(all, passage{name: h.name, mode: link.ModeL2, from: from, end: h.end, w: h.w})
	}
	return all
}

// newSinks is a world that keeps nothing.
func newSinks(t testing.TB, mode link.Mode, hop link.Hop, have vnet.Features) *world {
	x := &world{router: &nextHop{hop: hop}, batch: new(link.Batch)}
	for i := range x.ports {
		x.ports[i] = &sink{features: have}
	}
	x.wire(t, mode)
	return x
}

// TestNoAllocation carries all that is carried again and again, without flags and with those that are asked on
// each frame.
func TestNoAllocation(t *testing.T) {
	for _, flags := range []link.DeviceFlags{{Host: true}, {Host: true, Guard: true, Proxy: true}} {
		for _, p := range append(l2Passages(), passages...) {
			if p.hop.Verdict == link.HopWait {
				continue // what waits is copied
			}
			if flags.Guard && p.from == fromDevice {
				p.w.src = masterMAC
			}
			for _, have := range []vnet.Features{vnet.FeaturesAll, 0} {
				for _, l := range loads {
					t.Run(fmt.Sprintf("%v, %s, %+v, features %#x, %s", p.mode, p.name, flags, have, l.name), func(t *testing.T) {
						x := newSinks(t, p.mode, p.hop, have)
						x.dev[0].SetFlags(flags)
						x.dev[1].SetFlags(flags)
						p.carries(t, x, l)
					})
				}
			}
		}
	}
}

func (p passage) carries(t *testing.T, x *world, l load) {
	sent, room := l.frames(p.w)
	nothing(t, func() { refill(room, sent); x.carry(p.from, room, x.batch) })
	if x.ports[p.end].(*sink).frames == 0 {
		t.Errorf("nothing arrived: %v, %v", x.dev[0].Stats().Drops, x.master.Stats().Drops)
	}
}

// TestNoAllocationWhereTracked is the same through connection tracking and address translation. For a segment
// of TCP gVisor makes two.
func TestNoAllocationWhereTracked(t *testing.T) {
	for _, n := range natWays {
		for _, have := range []vnet.Features{vnet.FeaturesAll, 0} {
			for _, l := range loads {
				t.Run(fmt.Sprintf("%s, features %#x, %s", n.name, have, l.name), func(t *testing.T) {
					x := newSinks(t, link.ModeL3S, link.Hop{}, have)
					e := newNetfilter(t, x.master, n, true)
					most := 0.0
					if !l.kind.udp {
						most = float64(2 * len(l.kind.sizes))
					}
					sent, room := l.frames(n.sent)
					atMost(t, most, func() { refill(room, sent); x.carry(n.from, room, x.batch) })
					all := n.answers([]flow{{frames: sent}}, translations(e))
					answers := all[0].frames
					room = cloned(answers)
					atMost(t, most, func() { refill(room, answers); x.carry(n.to, room, x.batch) })
					for _, end := range []int{n.end, n.from} {
						if x.ports[end].(*sink).frames == 0 {
							t.Errorf("nothing arrived at %d: %+v", end, e.Stats())
						}
					}
				})
			}
		}
	}
}

// discard is a netstack that takes everything.
type discard struct{ packets int }

// DeliverNetworkPacket implements stack.NetworkDispatcher.
func (d *discard) DeliverNetworkPacket(tcpip.NetworkProtocolNumber, *stack.PacketBuffer) { d.packets++ }

// DeliverLinkPacket implements stack.NetworkDispatcher.
func (*discard) DeliverLinkPacket(tcpip.NetworkProtocolNumber, *stack.PacketBuffer) {}

// TestNoAllocationOfNetstacks goes to netstacks, from them, and from one to another, once gVisor's pools
// are full.
func TestNoAllocationOfNetstacks(t *testing.T) {
	hop := link.Hop{Verdict: link.HopSend, Dst: peerMAC, Src: masterMAC}
	for _, n := range []struct {
		name     string
		from     int
		w        way
		is       [2]bool // devices with netstacks
		features vnet.Features
	}{
		{"device to netstack", fromDevice, siblings, [2]bool{1: true}, vnet.FeaturesAll},
		{"wire to netstack", fromWire, inward, [2]bool{1: true}, vnet.FeaturesAll},
		{"netstack to device", fromDevice, siblings, [2]bool{0: true}, vnet.FeaturesAll},
		{"netstack to device without offloads", fromDevice, siblings, [2]bool{0: true}, 0},
		{"netstack to wire", fromDevice, outward, [2]bool{0: true}, vnet.FeaturesAll},
		{"netstack to wire without offloads", fromDevice, outward, [2]bool{0: true}, 0},
		{"netstack to netstack", fromDevice, siblings, [2]bool{true, true}, vnet.FeaturesAll},
	} {
		for _, mode := range []link.Mode{link.ModeL2, link.ModeL3, link.ModeL3S} {
			for _, l := range loads {
				t.Run(fmt.Sprintf("%v, %s, %s", mode, n.name, l.name), func(t *testing.T) {
					x := &world{router: &nextHop{hop: hop}, batch: new(link.Batch)}
					ends := [2]*discard{{}, {}}
					for i := range x.ports {
						if i > 1 || !n.is[i] {
							x.ports[i] = &sink{features: n.features}
						}
					}
					x.wire(t, mode)
					for i, is := range n.is {
						if is {
							x.dev[i].Attach(ends[i])
						}
					}
					sent, room := l.frames(n.w)
					if !n.is[0] {
						nothing(t, func() { refill(room, sent); x.carry(n.from, room, x.batch) })
					} else {
						var list stack.PacketBufferList
						for _, f := range sent {
							list.PushBack(packetOf(rand.New(rand.NewPCG(1, 1)), f))
						}
						defer list.DecRef()
						nothing(t, func() { _, _ = x.dev[0].WritePackets(list) })
					}
					if drops := x.dev[0].Stats().Drops; len(drops) > 0 {
						t.Error(drops)
					}
				})
			}
		}
	}
}

// signal is a far side that tells of each frame.
type signal struct {
	sink
	came chan struct{}
}

func (s *signal) WriteFrame([]byte) error { s.came <- struct{}{}; return nil }

// TestNoAllocationOfGroups spreads group frames, one at a time.
func TestNoAllocationOfGroups(t *testing.T) {
	x := &world{router: &nextHop{}}
	came := make(chan struct{})
	for i := range x.ports {
		x.ports[i] = &signal{sink{features: vnet.FeaturesAll}, came}
	}
	x.wire(t, link.ModeL2)
	k, r := kind{udp: true, sizes: []int{300}}, rand.New(rand.NewPCG(1, 1))
	out, in := siblings, inward
	out.dst, in.dst = linktest.Broadcast(), linktest.Broadcast()
	sent, received := k.frames(r, out, 4000)[0], k.frames(r, in, 4000)[0]
	nothing(t, func() {
		x.dev[0].Transmit(sent)
		<-came // the sibling
		<-came // the wire
	})
	nothing(t, func() {
		x.master.Receive(received)
		<-came // each device
		<-came
	})
}
