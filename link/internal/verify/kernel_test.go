package verify

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/ipvl/ipvl/link/vnet"
)

// settings are the kernel's side of TestKernel.
var settings = []setting{
	{name: "all"},
	{name: "all, io_uring", rings: true},
	{name: "TAPs without USO, io_uring", rings: true, without: vnet.FeatureUSO},
	{name: "TAPs without TSO", without: vnet.FeaturesAll &^ vnet.FeatureCsum},
	{name: "no offloads", without: vnet.FeaturesAll, plain: true},
	{name: "no offloads, io_uring", rings: true, without: vnet.FeaturesAll, plain: true},
}

// TestKernel goes the same ways between interfaces, frame by frame and in bursts.
func TestKernel(t *testing.T) {
	for _, s := range settings {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, s)
			for i, h := range hops {
				for _, burst := range []bool{false, true} {
					if !burst && (s.rings || s.without != 0 && !s.plain) {
						continue // rings are for bursts alone; the extremes do for the rest
					}
					t.Run(fmt.Sprintf("%s, burst %v", h.name, burst), func(t *testing.T) { r.test(t, i, burst) })
				}
			}
		})
	}
}

func (r *rig) test(t *testing.T, i int, burst bool) {
	h := hops[i]
	// The seed is fixed: the kernel completes a TCP checksum to 0xffff where we complete it to 0.
	all := h.w.make(rand.New(rand.NewPCG(uint64(i), 7)), kernelTable(h.tags, burst))
	want := expect(all)
	from := 0
	if i == 2 {
		from = 2
	}
	r.pass(t, from, h.end, rounds(all, burst))
	got := r.far[h.end].take(t)
	got.names = want.names
	compare(t, want, got)
	r.check(t, want, burst)
}

// pass sends rounds from behind one port and waits for what comes of them behind another.
func (r *rig) pass(t *testing.T, from, to int, rounds [][][]byte) {
	total := 0
	for _, round := range rounds {
		r.gate.Lock()
		for _, f := range round {
			r.far[from].send(t, f)
			total += segments(f)
		}
		r.gate.Unlock()
		if !r.far[to].wait(total) {
			t.Errorf("some of %d frames did not come", total)
			return
		}
	}
}

// check compares what the port on the way read.
func (r *rig) check(t *testing.T, want *flows, burst bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.wrong != nil {
		t.Error(r.wrong)
	}
	compare(t, want, r.read)
	if burst && r.largest < 8 {
		t.Errorf("a burst came in batches of at most %d", r.largest)
	}
	r.read, r.wrong, r.largest = newFlows(), nil, 0
}

// segments is how many frames one is when it is finished.
func segments(frame []byte) int {
	all, err := finish(frame)
	if err != nil {
		return 0
	}
	return len(all)
}

// kernelTable is table without what the kernel does otherwise, or a packet socket does not take: a
// checksum of TCP that comes out as 0, padding that it sums up or cuts off. Calm ways get less, and
// tags go with IPv6 extension headers and without IPv4 options.
func kernelTable(tags int, burst bool) (out []kind) {
	for _, k := range table(tags) {
		if k.zero && !k.udp || k.pad > 0 || !burst && len(k.sizes) > 6 || k.tags > 0 && k.ext != k.v6 {
			continue
		}
		out = append(out, k)
	}
	return out
}
