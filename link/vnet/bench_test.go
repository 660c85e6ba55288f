package vnet

import (
	"fmt"
	"testing"
)

// work is one thing that must not allocate, on a frame built once.
type work struct {
	name string
	do   func()
	size int
}

func discard([]byte) error { return nil }

// works returns all functions of the frame path in steady state.
func works(t testing.TB) []work {
	payload := make([]byte, 64000)
	tso := spec{partial: true, gso: 1448, payload: payload, tcpOpts: make([]byte, 12)}.frame()
	uso := spec{partial: true, gso: 1400, payload: payload[:56000], udp: true, v6: true}.frame()
	udp := spec{udp: true, payload: payload[:9000]}.frame()
	small := spec{payload: nil, tcpOpts: make([]byte, 12)}.frame()
	pkt := scattered(spec{udp: true, payload: payload[:60000]}, 16384)
	ack := scattered(spec{tcpOpts: make([]byte, 12)}, 1)
	t.Cleanup(pkt.DecRef)
	t.Cleanup(ack.DecRef)
	buf := make([]byte, 70000)
	var s Segmenter
	var v Vec
	n := 0
	fits := func(frame []byte, have Features) func() {
		return func() {
			if Fits(frame, have) {
				n++
			}
		}
	}
	return append(mergeWorks(), []work{
		{"Fits/small", fits(small, 0), 0},
		{"Fits/tso", fits(tso, FeaturesAll), 0},
		{"Validate/small", func() { _, _ = Validate(small) }, 0},
		{"Validate/tso", func() { _, _ = Validate(tso) }, 0},
		{"Fit/tso to segments", func() { _ = Fit(tso, 0, &s, discard) }, len(tso)},
		{"Fit/tso to partial segments", func() { _ = Fit(tso, FeatureCsum, &s, discard) }, len(tso)},
		{"Fit/uso to segments", func() { _ = Fit(uso, 0, &s, discard) }, len(uso)},
		{"Fit/refused", func() { tso[1] = 3; _ = Fit(tso, 0, &s, discard); tso[1] = 1 }, 0},
		{"Fragment4", func() { _ = Fragment4(udp, 1500, &s, discard) }, len(udp)},
		{"FromPacket/60k", func() { n += len(FromPacket(pkt, &v, false)) }, 0},
		{"FromPacket/60k csum offload", func() { n += len(FromPacket(pkt, &v, true)) }, 0},
		{"FromPacket/ack csum offload", func() { n += len(FromPacket(ack, &v, true)) }, 0},
		{"PacketToBytes/60k", func() { n += len(PacketToBytes(pkt, buf, true)) }, pkt.Size()},
		{"Intact/60k", func() { _ = Intact(udp) }, len(udp)},
	}...)
}

func TestFramePathDoesNotAllocate(t *testing.T) {
	for _, w := range works(t) {
		if n := testing.AllocsPerRun(100, w.do); n != 0 {
			t.Errorf("%s: %v allocations", w.name, n)
		}
	}
}

func BenchmarkFramePath(b *testing.B) {
	for _, w := range works(b)[len(mergeWorks()):] {
		b.Run(w.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(w.size))
			for b.Loop() {
				w.do()
			}
		})
	}
}

func BenchmarkToPacket(b *testing.B) {
	for _, n := range []int{0, 1448, 64000} {
		frame := spec{payload: make([]byte, n)}.frame()
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(frame)))
			for b.Loop() {
				pkt, err := ToPacket(frame, PacketOptions{})
				if err != nil {
					b.Fatal(err)
				}
				pkt.DecRef()
			}
		})
	}
}

// BenchmarkMerge merges batches, most of 32 frames; ns/frame is for each of them.
func BenchmarkMerge(b *testing.B) {
	for _, w := range mergeWorks() {
		b.Run(w.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				w.do()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*w.size), "ns/frame")
		})
	}
}

// mergeWorks are batches for one far side; size is how many frames.
func mergeWorks() (all []work) {
	n := 0
	add := func(name string, frames [][]byte, have Features) {
		var m Merger
		all = append(all, work{name, func() { n += len(m.Merge(frames, have)) }, len(frames)})
	}
	for _, size := range []int{22, 1400} {
		for name, s := range map[string]spec{"udp4": {udp: true}, "udp4 partial": {udp: true, partial: true}, "udp6": {udp: true, v6: true}, "tcp4": {}} {
			add(fmt.Sprintf("%s %d", name, size), run(s, 32, size, size), FeaturesAll)
		}
	}
	small := run(spec{udp: true}, 32, 22, 22)
	add("far side without USO", small, FeaturesAll&^FeatureUSO)
	add("finished frames only", small, 0)
	add("TCP without payload", run(spec{flags: 0x10}, 32, 0, 0), FeaturesAll)
	add("two", run(spec{udp: true}, 2, 1400, 22), FeaturesAll)
	add("alternating flows", interleave(run(spec{udp: true}, 16, 22, 22), run(spec{}, 16, 22, 22)), FeaturesAll)
	return all
}

func interleave(a, b [][]byte) (out [][]byte) {
	for i := range a {
		out = append(out, a[i], b[i])
	}
	return out
}
