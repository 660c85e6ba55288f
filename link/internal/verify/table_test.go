package verify

import "math/rand/v2"

// run is n times size, and last.
func run(n, size int, last ...int) (s []int) {
	for range n {
		s = append(s, size)
	}
	return append(s, last...)
}

// table lists the kinds of flows that a way with at most tags tags carries.
func table(tags int) (all []kind) {
	for tag := range tags + 1 {
		for _, udp := range []bool{false, true} {
			for _, r := range []int{visited, ahead} {
				all = append(all, routed(kind{v6: true, udp: udp, tags: tag, ext: r == ahead != udp, routing: r})...)
			}
		}
		for i := range 8 {
			base := kind{v6: i&1 != 0, udp: i&2 != 0, ext: i&4 != 0, tags: tag, df: i&1 != tag&1}
			all = append(all, single(base)...)
			all = append(all, supers(base)...)
			all = append(all, runs(base)...)
		}
	}
	return all
}

// single are frames that nothing is done about but for their checksum.
func single(base kind) (all []kind) {
	add := func(f func(k *kind)) { k := base; f(&k); all = append(all, k) }
	add(func(k *kind) { k.sizes = []int{0, 1, 2, 701, 1300} })
	add(func(k *kind) { k.open, k.sizes = partial, []int{0, 1, 2, 1001, 1300} })
	add(func(k *kind) { k.zero, k.sizes = true, []int{2, 600} })
	add(func(k *kind) { k.open, k.zero, k.sizes = partial, true, []int{2, 600} })
	add(func(k *kind) { k.wrong, k.sizes = true, []int{200, 200, 100} })
	add(func(k *kind) { k.sizes, k.pad = []int{3, 3}, 7 })
	if base.udp && !base.v6 {
		add(func(k *kind) { k.none, k.sizes = true, []int{300, 300, 5} })
	}
	return all
}

// supers have segmentation open.
func supers(base kind) (all []kind) {
	add := func(mss int, sizes ...int) {
		k := base
		k.open, k.mss, k.sizes = super, mss, sizes
		all = append(all, k)
	}
	add(1200, 3600)
	add(1200, 900, 2401, 700, 1201, 1200) // with and without work that a far side may lack, in turn
	add(101, 101*60+17, 102)
	add(1201, 1201*50+7)
	add(1300, 65535-120) // with options almost as large as it gets
	add(8, 16, 23)
	if !base.udp {
		k := base
		k.open, k.mss, k.tcpOpts, k.sizes, k.flags = super, 1000, 12, []int{5500, 4001}, 0x89 // CWR, PSH, FIN
		all = append(all, k)
	}
	return all
}

// routed are some of all, for a base with a routing header.
func routed(base kind) (all []kind) {
	add := func(open, mss int, sizes ...int) {
		k := base
		k.open, k.mss, k.sizes = open, mss, sizes
		all = append(all, k)
	}
	add(whole, 0, 0, 1, 701, 700, 700)
	add(partial, 0, 0, 1, 1001)
	add(super, 900, 4500, 900, 901, 100)
	add(super, 17, 17*40+3)
	return all
}

// runs are frames that a batch may make one of.
func runs(base kind) (all []kind) {
	add := func(f func(k *kind), sizes ...int) {
		k := base
		k.sizes = sizes
		f(&k)
		all = append(all, k)
		k.open = partial
		all = append(all, k)
	}
	add(func(*kind) {}, run(40, 172, 33)...)
	add(func(k *kind) { k.flags = 0x08; k.tcpOpts = 12 }, run(12, 1000, 999)...)
	add(func(k *kind) { k.flags = 0x09 }, run(5, 51, 51)...)
	add(func(*kind) {}, 100, 100, 50, 100, 100, 200, 200, 200, 1, 0, 7, 7, 7)
	add(func(k *kind) { k.swapped = true }, run(6, 300)...)
	add(func(k *kind) { k.gap = true }, run(6, 300)...)
	add(func(k *kind) { k.flags = 0x40 }, run(4, 64)...) // ECE
	add(func(k *kind) { k.flags = 0x80 }, run(4, 64)...) // CWR
	return all
}

// flow is what a kind comes to on a way.
type flow struct {
	name   string
	port   uint16
	frames [][]byte
}

// make builds the flows of kinds.
func (w way) make(r *rand.Rand, kinds []kind) (all []flow) {
	for i, k := range kinds {
		port := uint16(1024 + i)
		all = append(all, flow{k.short(), port, k.frames(r, w, port)})
	}
	return all
}

// expect is what has to arrive of flows.
func expect(all []flow) *flows {
	f := newFlows()
	for _, x := range all {
		f.names[x.port] = x.name
		for _, frame := range x.frames {
			if err := f.add(frame); err != nil {
				panic(err) // the generator's mistake
			}
		}
	}
	return f
}

// rounds deals out the frames of flows: each alone, or batches in which up to five flows
// alternate, of at most 64 frames and some 100 KB.
func rounds(all []flow, burst bool) (out [][][]byte) {
	if !burst {
		for _, x := range all {
			for _, f := range x.frames {
				out = append(out, [][]byte{f})
			}
		}
		return out
	}
	var batch [][]byte
	size := 0
	for len(all) > 0 {
		some := all[:min(5, len(all))]
		all = all[len(some):]
		for i, more := 0, true; more; i++ {
			more = false
			for _, x := range some {
				if i >= len(x.frames) {
					continue
				}
				more = true
				if len(batch) == 64 || len(batch) > 0 && size+len(x.frames[i]) > 100_000 {
					out, batch, size = append(out, batch), nil, 0
				}
				batch, size = append(batch, x.frames[i]), size+len(x.frames[i])
			}
		}
	}
	return append(out, batch)
}
