package packet

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"os"
	"testing"

	"github.com/ipvl/ipvl/link/vnet"
)

// TestFilterInKernel changes the filter of a port that runs, and compares what
// arrives with the reference.
func TestFilterInKernel(t *testing.T) {
	_, near, far := pair(t)
	got := make(chan []byte, 1024)
	end := ethernet(true, nil, typeARP, append(make([]byte, 28), "the end of a round"...))
	done := serve(far, func(b []byte) { got <- append([]byte(nil), b[vnet.HeaderLen:]...) })
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	for round := range 20 {
		f := Filter{Multicast: round%2 == 0}
		for range round * round {
			f.Addrs = append(f.Addrs, randomAddr(r))
		}
		if err := far.SetFilter(f); err != nil {
			t.Fatal(err)
		}
		var want []string
		for i := range 200 {
			b := randomFrame(r)
			for len(b) < 60 {
				b = append(b, 0)
			}
			b = binary.BigEndian.AppendUint32(b, uint32(round<<16|i)) // tells the kernel's own frames from ours
			if err := near.WriteFrame(plain(b)); err != nil {
				t.Fatal(err)
			}
			if wants(f, b) {
				want = append(want, string(b))
			}
		}
		near.WriteFrame(plain(end))
		for {
			b := string(<-got)
			if b == string(end) {
				break
			}
			if len(want) > 0 && b == want[0] {
				want = want[1:]
			} else if n := len(b); n > 4 && binary.BigEndian.Uint32([]byte(b[n-4:]))>>16 == uint32(round) {
				t.Fatalf("seed %d round %d: unexpected frame %x", seed, round, b)
			}
		}
		if len(want) > 0 {
			t.Fatalf("seed %d round %d: %d frames are missing, the first %x", seed, round, len(want), want[0])
		}
	}
	far.Close()
	<-done
}

func TestFilterAllAndNone(t *testing.T) {
	_, near, far := pair(t)
	got := make(chan []byte, 8)
	serve(far, collect(got))
	for i, f := range []Filter{{All: true}, {DropAll: true}, {}, {DropAll: true}, {Multicast: true}} {
		if err := far.SetFilter(f); err != nil {
			t.Fatal(err)
		}
		near.WriteFrame(marked(60, byte(i)))
	}
	if a, b := <-got, <-got; a[len(a)-1] != 0 || b[len(b)-1] != 4 {
		t.Errorf("frames %d and %d arrived, want 0 and 4", a[len(a)-1], b[len(b)-1])
	}
}

// TestLargeFilter replaces filters that exceed what the kernel has room for
// (net.core.optmem_max) or takes at all.
func TestLargeFilter(t *testing.T) {
	ns, _, far := pair(t)
	ns.Do(t, func() error {
		// Older kernels have so little anyway, and no setting for a namespace.
		if err := os.WriteFile("/proc/sys/net/core/optmem_max", []byte("20480"), 0); err != nil {
			t.Log(err)
		}
		return nil
	})
	var f Filter
	for i := range 20000 {
		a := [4]byte{10}
		binary.BigEndian.PutUint16(a[2:], uint16(3*i))
		f.Addrs = append(f.Addrs, netip.AddrFrom4(a))
	}
	for range 5 {
		if err := far.SetFilter(f); err != nil {
			t.Fatal(err)
		}
	}
}
