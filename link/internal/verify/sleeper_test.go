package verify

import (
	"fmt"
	"math/rand/v2"
	"os/exec"
	"testing"

	"github.com/ipvl/ipvl/link/linktest"
	"github.com/ipvl/ipvl/link/packet"
)

// sleepers are far sides that take nothing, or nothing more, beside neighbours that do.
var sleepers = []struct {
	name               string
	from               int
	sleeper, neighbour int // ports
	asleep, awake      way
}{
	{"a TAP that is down, beside the wire", 0, 1, 2, siblings, outward},
	{"a TAP that is down, for the wire", 2, 0, 1, way{masterMAC, peerMAC, "10.0.0.100", "10.0.0.11", "fd00::100", "fd00::11"}, inward},
	{"a wire that is full", 0, 2, 1, outward, siblings},
}

// TestSleeper sends by turns to a far side that takes nothing and to its neighbour: the neighbour gets all, and
// what the sleeper loses is counted. Then the same with group frames.
func TestSleeper(t *testing.T) {
	for i, c := range sleepers {
		for _, rings := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, io_uring %v", c.name, rings), func(t *testing.T) {
				t.Parallel()
				r := newRig(t, setting{rings: rings, sndBuf: 128 << 10})
				r.doze(t, c.sleeper)
				sent := r.byTurns(t, i)
				sent += r.toGroups(t, i)
				r.master.Shutdown() // waits for what is under way
				lost := r.dev[0].Stats().Drops["write"] + r.dev[1].Stats().Drops["write"]
				if c.sleeper < 2 && r.dev[c.sleeper].Stats().Drops["write"] != lost {
					t.Error("another lost frames")
				}
				took := uint64(0)
				if p, ok := r.ports[c.sleeper].(*packet.Port); ok {
					took = p.Stats().TxFrames
				}
				if lost == 0 || lost+took != uint64(sent) {
					t.Errorf("of %d frames %d were taken and %d counted as lost", sent, took, lost)
				}
			})
		}
	}
}

// doze has the far side of a port take no more: a TAP is down, a wire holds what it has in its queue.
func (r *rig) doze(t *testing.T, port int) {
	if port < 2 {
		r.ns[port].SetUp(t, "t0", false)
		return
	}
	r.ns[port].Do(t, func() error {
		return exec.Command("tc", "qdisc", "add", "dev", "u0", "root", "tbf", "rate", "8bit", "burst", "2000", "limit", "8m").Run()
	})
}

// byTurns sends bursts of frames for the sleeper and its neighbour by turns, more than any queue holds,
// and returns how many are for the sleeper. Each is of a flow of its own, so that none are merged.
func (r *rig) byTurns(t *testing.T, i int) (sent int) {
	c := sleepers[i]
	random := rand.New(rand.NewPCG(uint64(i), 3))
	want := newFlows()
	port := uint16(1024)
	for range 24 {
		var round [][]byte
		for range 16 {
			k := kind{udp: true, sizes: []int{1200}}
			a, b := k.frames(random, c.asleep, port)[0], k.frames(random, c.awake, port)[0]
			round = append(round, a, b)
			port++
			sent++
			if err := want.add(b); err != nil {
				t.Fatal(err)
			}
		}
		r.gate.Lock()
		for _, f := range round {
			r.far[c.from].send(t, f)
		}
		r.gate.Unlock()
		if !r.far[c.neighbour].wait(want.count) {
			t.Fatalf("the neighbour did not get %d frames", want.count)
		}
	}
	compare(t, want, r.far[c.neighbour].take(t))
	return sent
}

// toGroups sends to all, the sleeper among them.
func (r *rig) toGroups(t *testing.T, i int) (sent int) {
	c := sleepers[i]
	w := c.awake
	w.dst = linktest.Broadcast()
	random := rand.New(rand.NewPCG(uint64(i), 4))
	want := newFlows()
	for n := range 20 {
		f := kind{udp: true, sizes: []int{1200}}.frames(random, w, uint16(1024+n))[0]
		if err := want.add(f); err != nil {
			t.Fatal(err)
		}
		r.far[c.from].send(t, f)
		if !r.far[c.neighbour].wait(want.count) {
			t.Fatalf("the neighbour did not get group frame %d", n)
		}
	}
	compare(t, want, r.far[c.neighbour].take(t))
	return want.count
}
