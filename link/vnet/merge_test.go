package vnet

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
)

// finished returns copies of what Fit makes of frames for a far side that can do nothing.
func finished(t testing.TB, frames [][]byte) [][]byte {
	t.Helper()
	var out [][]byte
	for _, f := range frames {
		for _, f := range collect(t, bytes.Clone(f), 0) {
			if f[0]&^FlagDataValid|f[1] == 0 {
				clear(f[:HeaderLen]) // hints, which a merged frame need not give
			}
			out = append(out, f)
		}
	}
	return out
}

// flowOf names the flow of a frame as the slow parser sees it; "" is none, over which nothing
// may move.
func flowOf(frame []byte) string {
	eth := frame[HeaderLen:]
	l, r := parse(eth, len(eth))
	if r != 0 || l.version == 0 || l.frag || l.proto != 6 && l.proto != 17 || l.l4+4 > l.end {
		return ""
	}
	addrs := eth[l.l3+12 : l.l3+20]
	if l.version == 6 {
		addrs = eth[l.l3+8 : l.l3+40]
	}
	return fmt.Sprintf("%d %x %x", l.proto, addrs, eth[l.l4:l.l4+4])
}

// byFlow cuts a list where there are frames of no flow, and sorts the parts by flow.
func byFlow(frames [][]byte) [][]byte {
	flows := make([]string, len(frames))
	order := make([]int, len(frames))
	part := 0
	for i, f := range frames {
		flow := flowOf(f)
		if flow == "" {
			part++
		}
		flows[i] = fmt.Sprintf("%06d %s", part, flow)
		if flow == "" {
			part++
		}
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return bytes.Compare([]byte(flows[a]), []byte(flows[b]))
	})
	var out [][]byte
	for _, i := range order {
		out = append(out, frames[i])
	}
	return out
}

// checkMerge merges copies of frames and checks that Fit gives them back. It returns what was made.
func checkMerge(t testing.TB, m *Merger, frames [][]byte, have Features) [][]byte {
	t.Helper()
	in := make([][]byte, len(frames))
	for i, f := range frames {
		in[i] = bytes.Clone(f)
	}
	out := m.Merge(in, have)
	for i, f := range frames {
		if !bytes.Equal(in[i], f) {
			t.Fatalf("frame %d was changed", i)
		}
	}
	for i, f := range out {
		if slices.ContainsFunc(in, func(g []byte) bool { return &f[0] == &g[0] }) {
			continue
		}
		if h, err := Validate(f); err != nil || h.GSOType == GSONone || !Fits(f, have) {
			t.Fatalf("frame %d is %v, %v", i, h, err)
		}
	}
	want, got := byFlow(finished(t, frames)), byFlow(finished(t, out))
	if len(got) != len(want) {
		t.Fatalf("%d frames, want %d", len(got), len(want))
	}
	for i := range want {
		if m.Atomic && !bytes.Equal(got[i], want[i]) {
			sameID(got[i], want[i])
		}
		if !bytes.Equal(got[i], want[i]) {
			t.Fatalf("frame %d of %d\n% x\nwant\n% x", i, len(got), got[i], want[i])
		}
	}
	return out
}

// sameID gives got the identification of want if both are atomic.
func sameID(got, want []byte) {
	for _, f := range [][]byte{got, want} {
		if len(f) < 44 || f[22] != 8 || f[23] != 0 || f[24] != 0x45 || f[30]&0x40 == 0 {
			return
		}
	}
	copy(got[28:30], want[28:30])
	sum := slowAdd(slowSum(got[24:34]), slowSum(got[36:44]))
	binary.BigEndian.PutUint16(got[34:], ^sum)
}

// run is n frames of a flow, each with size bytes of payload, the last with last.
func run(s spec, n, size, last int) (frames [][]byte) {
	for i := range n {
		s.payload = bytes.Repeat([]byte{byte(i + 1)}, size)
		if i == n-1 {
			s.payload = s.payload[:last]
		}
		frames = append(frames, s.frame())
		s.id++
		s.seq += uint32(size)
	}
	return frames
}

// kinds are flows of all kinds that are merged.
var kinds = map[string]spec{
	"udp4": {udp: true, id: 0xfffe}, "udp6": {udp: true, v6: true},
	"udp4 partial": {udp: true, partial: true, frag: 0x4000}, "udp6 partial": {udp: true, v6: true, partial: true},
	"tcp4": {flags: 0x10, seq: 0xffffff00, tcpOpts: []byte{1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8}}, "tcp6": {v6: true, flags: 0x50},
	"tcp4 partial": {partial: true}, "tcp6 partial": {v6: true, partial: true, tcpOpts: []byte{1, 1, 1, 1}},
}

// TestMergeRuns lists how many frames become of runs.
func TestMergeRuns(t *testing.T) {
	for name, s := range kinds {
		t.Run(name, func(t *testing.T) {
			for _, c := range []struct{ n, size, last, want int }{
				{1, 22, 22, 1}, {2, 22, 22, 1}, {2, 22, 1, 1}, {2, 22, 0, 2}, {32, 22, 7, 1}, {64, 100, 100, 1},
				{65, 100, 100, 2}, {130, 1, 1, 3}, {44, 1472, 1472, 1}, {48, 1472, 1472, 2}, {7, 30000, 5, 3},
			} {
				out := checkMerge(t, &Merger{}, run(s, c.n, c.size, c.last), FeaturesAll)
				if len(out) != c.want {
					t.Errorf("%d times %d bytes, then %d: %d frames, want %d", c.n-1, c.size, c.last, len(out), c.want)
				}
			}
		})
	}
}

// TestMergeFits takes away what a far side has.
func TestMergeFits(t *testing.T) {
	need := map[string]Features{"udp4": FeatureUSO, "udp6": FeatureUSO, "tcp4": FeatureTSO4, "tcp6": FeatureTSO6}
	for name, s := range kinds {
		f := need[name[:4]]
		for _, c := range []struct {
			have Features
			want int
		}{{FeatureCsum | f, 1}, {FeaturesAll &^ f, 3}, {FeaturesAll &^ FeatureCsum, 3}, {0, 3}} {
			out := checkMerge(t, &Merger{}, run(s, 3, 50, 50), c.have)
			if len(out) != c.want {
				t.Errorf("%s for %v: %d frames, want %d", name, c.have, len(out), c.want)
			}
		}
		for mtu, want := range map[int]int{0: 1, 50 + s.l4() + len(s.transport()) - 14: 1, 49 + s.l4() + len(s.transport()) - 14: 3} {
			if out := checkMerge(t, &Merger{MTU: mtu}, run(s, 3, 50, 50), FeaturesAll); len(out) != want {
				t.Errorf("%s, MTU %d: %d frames, want %d", name, mtu, len(out), want)
			}
		}
	}
}

// TestMergeRefuses changes every bit of the headers, and some of the payload, of the second of three frames,
// and once with checksums mended.
func TestMergeRefuses(t *testing.T) {
	for name, s := range kinds {
		var m Merger
		frames := run(s, 3, 40, 40)
		for at := range len(frames[1]) - 36 {
			for bit := range 8 {
				for _, mend := range []bool{false, true} {
					changed := slices.Clone(frames)
					f := bytes.Clone(frames[1])
					f[at] ^= 1 << bit
					if _, err := Validate(f); err != nil {
						continue
					}
					if mend && !mended(f, s) {
						continue
					}
					changed[1] = f
					out := checkMerge(t, &m, changed, FeaturesAll)
					if want := mayDiffer(s, at, bit, mend); (len(out) == 1) != want {
						t.Errorf("%s: byte %d, bit %d, mended %v: %d frames", name, at-HeaderLen, bit, mend, len(out))
					}
				}
			}
		}
	}
}

// mayDiffer reports whether a frame is merged whose bit was changed.
func mayDiffer(s spec, at, bit int, mend bool) bool {
	switch at -= HeaderLen; {
	case at == -HeaderLen: // a hint
		return !s.partial && 1<<bit == FlagDataValid
	case at < -HeaderLen+2:
		return false
	case at < 0:
		return !s.partial || at < -HeaderLen+6 // not read
	case !s.v6 && (at == 24 || at == 25):
		return mend
	case at == s.l4()+s.csumOffset() || at == s.l4()+s.csumOffset()+1:
		return mend
	case at >= s.l4()+len(s.transport()):
		return mend || s.partial
	}
	return false
}

// mended puts right checksums in. It reports false where the frame no longer is what s is.
func mended(frame []byte, s spec) bool {
	eth := frame[HeaderLen:]
	l, r := parse(eth, len(eth))
	if r != 0 || l.end != len(eth) || l.l4 != s.l4() || l.proto != s.proto() || l.frag {
		return false
	}
	if l.version == 4 {
		setIPv4Checksum(eth[l.l3:l.l4])
	}
	field := eth[l.l4+s.csumOffset():][:2]
	sum := slowPseudoOf(l, eth)
	if !s.partial {
		copy(field, "\x00\x00")
		if sum = ^slowAdd(sum, slowSum(eth[l.l4:])); sum == 0 && s.udp {
			sum = 0xffff
		}
	}
	binary.BigEndian.PutUint16(field, sum)
	return true
}

func slowPseudoOf(l layout, eth []byte) uint16 {
	b := eth[l.l3+12 : l.l3+20]
	if l.version == 6 {
		b = eth[l.l3+8 : l.l3+40]
	}
	n := l.end - l.l4
	return slowSum(append(bytes.Clone(b), 0, l.proto, byte(n>>8), byte(n)))
}

// TestMergeSums has checksums that verify but that Fit would not make.
func TestMergeSums(t *testing.T) {
	none := run(spec{udp: true}, 2, 30, 30)
	for _, f := range none {
		copy(f[HeaderLen+40:], "\x00\x00") // no checksum
	}
	if out := checkMerge(t, &Merger{}, none, FeaturesAll); len(out) != 2 {
		t.Error("datagrams without checksum are merged")
	}
	// Payload that makes the checksum 0, written as 0xffff.
	for name, s := range map[string]spec{"udp4": {udp: true}, "tcp4": {}, "tcp6": {v6: true}} {
		frames := run(s, 2, 30, 30)
		for _, f := range frames {
			field := HeaderLen + s.l4() + s.csumOffset()
			end := len(f) - 2
			copy(f[end:], f[field:field+2])
			binary.BigEndian.PutUint16(f[end:], slowAdd(binary.BigEndian.Uint16(f[end:]), uint16(f[end-2])<<8|uint16(f[end-2])))
			copy(f[field:], "\xff\xff")
			if !Intact(f) {
				t.Fatalf("%s: not intact", name)
			}
		}
		if out := checkMerge(t, &Merger{}, frames, FeaturesAll); (len(out) == 1) != s.udp {
			t.Errorf("%s: checksum 0xffff: %d frames", name, len(out))
		}
	}
	header := run(spec{udp: true}, 2, 30, 30)
	for _, f := range header { // identification that makes the IPv4 checksum 0
		id, sum := f[HeaderLen+18:], f[HeaderLen+24:]
		binary.BigEndian.PutUint16(id, slowAdd(binary.BigEndian.Uint16(id), binary.BigEndian.Uint16(sum)))
		copy(sum, "\xff\xff")
		if !Intact(f) {
			t.Fatal("not intact")
		}
	}
	binary.BigEndian.PutUint16(header[1][HeaderLen+18:], binary.BigEndian.Uint16(header[0][HeaderLen+18:])+1)
	setIPv4Checksum(header[1][HeaderLen+14 : HeaderLen+34])
	if out := checkMerge(t, &Merger{}, header, FeaturesAll); len(out) != 2 {
		t.Error("IPv4 checksum 0xffff is merged")
	}
}

// TestMergeEnds lists what ends a merged TCP frame.
func TestMergeEnds(t *testing.T) {
	for flags, want := range map[byte][]int{0x10: {4}, 0x18: {2, 2}, 0x11: {2, 2}, 0x19: {2, 2}, 0x90: {1, 1, 2}, 0x12: {1, 1, 2}, 0x14: {1, 1, 2}, 0x30: {1, 1, 2}, 0x50: {1, 1, 2}} {
		s := spec{flags: 0x10}
		frames := run(s, 4, 30, 30)
		s.flags, s.payload, s.id, s.seq = flags, bytes.Repeat([]byte{9}, 30), 1, 30
		frames[1] = s.frame()
		var got []int
		for _, f := range checkMerge(t, &Merger{}, frames, FeaturesAll) {
			got = append(got, (len(f)-HeaderLen-54)/30)
		}
		if !slices.Equal(got, want) {
			t.Errorf("flags %#x: %v segments, want %v", flags, got, want)
		}
	}
}

// TestMergeAtomic has identifications as a socket that is not connected sends them.
func TestMergeAtomic(t *testing.T) {
	for _, c := range []struct {
		frag   uint16
		atomic bool
		want   int
	}{{0x4000, true, 1}, {0x4000, false, 5}, {0, true, 5}} {
		var frames [][]byte
		for range 5 {
			frames = append(frames, spec{udp: true, frag: c.frag, payload: make([]byte, 22)}.frame())
		}
		if out := checkMerge(t, &Merger{Atomic: c.atomic}, frames, FeaturesAll); len(out) != c.want {
			t.Errorf("%+v: %d frames", c, len(out))
		}
	}
}

// TestMergeInterleaved has more flows than are merged at a time, and what nothing moves over.
func TestMergeInterleaved(t *testing.T) {
	flow := func(i int) [][]byte {
		frames := run(spec{udp: true}, 4, 22, 22)
		for _, f := range frames {
			f[HeaderLen+35] = byte(i) // port
			mended(f, spec{udp: true})
		}
		return frames
	}
	barrier := append(make([]byte, HeaderLen), "\xff\xff\xff\xff\xff\xff\x02\x00\x00\x00\x00\x01\x08\x06arp"...)
	for _, c := range []struct {
		flows   int
		barrier bool
		want    int
	}{{1, false, 1}, {8, false, 8}, {9, false, 36}, {3, true, 7}} {
		var frames [][]byte
		for at := range 4 {
			for i := range c.flows {
				frames = append(frames, flow(i)[at])
			}
			if c.barrier && at == 1 {
				frames = append(frames, barrier)
			}
		}
		if out := checkMerge(t, &Merger{}, frames, FeaturesAll); len(out) != c.want {
			t.Errorf("%+v: %d frames", c, len(out))
		}
	}
}
