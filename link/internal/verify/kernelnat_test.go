package verify

import (
	"math/rand/v2"
	"testing"

	"github.com/ipvl/ipvl/link"
	"github.com/ipvl/ipvl/link/vnet"
)

// TestKernelTranslated goes through connection tracking and address translation from a TAP to a packet
// socket and back, in bursts.
func TestKernelTranslated(t *testing.T) {
	for _, s := range []setting{
		{name: "all, io_uring", rings: true},
		{name: "no offloads", without: vnet.FeaturesAll, plain: true},
	} {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			r, n := newRig(t, s), natWays[0]
			if err := r.master.Set(link.ModeL3S, link.FlagBridge); err != nil {
				t.Fatal(err)
			}
			// The ports are those of the flows: with them all checksums are as in TestKernel.
			e := newNetfilter(t, r.master, n, false)
			all := n.sent.make(rand.New(rand.NewPCG(1, 7)), natKinds(kernelTable(0, true)))
			r.pass(t, 0, 2, rounds(all, true))
			to := translations(e)
			if len(to) != 2*len(all) {
				t.Fatalf("%d connections of %d flows: %+v", len(to)/2, len(all), e.Stats())
			}
			compare(t, n.arrives(all, to), r.far[2].take(t))
			r.check(t, expect(all), true)

			answers := n.answers(all, to)
			r.pass(t, 2, 0, rounds(answers, true))
			compare(t, n.returns(answers, to), r.far[0].take(t))
			r.check(t, expect(answers), true)
		})
	}
}
