package packet

import (
	"cmp"
	"encoding/binary"
	"net/netip"
	"slices"

	"golang.org/x/net/bpf"
)

// leafSpans is how many spans are compared one after the other where the binary
// search ends. Larger leaves are shorter programs, but slower ones.
const leafSpans = 8

// span is a range of 32-bit words, both ends included.
type span struct{ lo, hi uint32 }

// key is an IPv6 address as four words.
type key [4]uint32

func word4(a netip.Addr) uint32 {
	b := a.As4()
	return binary.BigEndian.Uint32(b[:])
}

func key6(a netip.Addr) (k key) {
	b := a.As16()
	for i := range k {
		k[i] = binary.BigEndian.Uint32(b[4*i:])
	}
	return k
}

// spansOf sorts words and joins neighbours; the spans hold exactly words.
func spansOf(words []uint32) []span {
	slices.Sort(words)
	var s []span
	for _, w := range words {
		if n := len(s); n > 0 && w-s[n-1].hi <= 1 {
			s[n-1].hi = w
			continue
		}
		s = append(s, span{w, w})
	}
	return s
}

// thin joins spans, those with the smallest gaps first, until at most limit are
// left, or one.
func thin(s []span, limit int) []span {
	limit = max(limit, 1)
	if len(s) <= limit {
		return s
	}
	byGap := make([]int, len(s)-1) // i is the gap between i and i+1
	for i := range byGap {
		byGap[i] = i
	}
	slices.SortFunc(byGap, func(a, b int) int { return cmp.Compare(s[a+1].lo-s[a].hi, s[b+1].lo-s[b].hi) })
	joined := make([]bool, len(s)-1)
	for _, i := range byGap[:len(s)-limit] {
		joined[i] = true
	}
	out := []span{s[0]}
	for i, next := range s[1:] {
		if joined[i] {
			out[len(out)-1].hi = next.hi
		} else {
			out = append(out, next)
		}
	}
	return out
}

// sortKeys sorts and removes duplicates.
func sortKeys(keys []key) []key {
	slices.SortFunc(keys, func(a, b key) int { return slices.Compare(a[:], b[:]) })
	return slices.Compact(keys)
}

// search4 passes IPv4 packets to one of the spans.
func search4(s []span) block {
	if len(s) == 0 {
		return drop
	}
	return append(block{bpf.LoadIndirect{Off: offDst4, Size: 4}}, searchSpans(s)...)
}

// searchSpans passes when the accumulator is in one of the spans.
func searchSpans(s []span) block {
	if len(s) <= leafSpans {
		return leaf(s)
	}
	mid := (len(s)/2 + leafSpans - 1) / leafSpans * leafSpans // full leaves waste least
	return branch(bpf.JumpGreaterOrEqual, s[mid].lo, searchSpans(s[mid:]), searchSpans(s[:mid]))
}

// leaf compares with one span after the other and ends in drop and pass.
func leaf(s []span) block {
	n := 0
	for _, x := range s {
		n += instructions(x)
	}
	b := make(block, 0, n+2)
	toDrop := func() uint8 { return uint8(n - len(b) - 1) }
	for _, x := range s {
		if x.lo == x.hi {
			b = append(b, bpf.JumpIf{Cond: bpf.JumpEqual, Val: x.lo, SkipTrue: toDrop() + 1})
			continue
		}
		b = append(b, bpf.JumpIf{Cond: bpf.JumpGreaterThan, Val: x.hi, SkipTrue: 1})
		b = append(b, bpf.JumpIf{Cond: bpf.JumpGreaterOrEqual, Val: x.lo, SkipTrue: toDrop() + 1, SkipFalse: toDrop()})
	}
	return append(b, drop[0], pass[0])
}

// instructions is what leaf needs for x.
func instructions(x span) int {
	if x.lo == x.hi {
		return 1
	}
	return 2
}

// search6 passes neighbour discovery, and IPv6 packets to an address that agrees
// with one of keys in the first words words.
func search6(keys []key, words int) block {
	b := block{
		bpf.LoadIndirect{Off: offNext6, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: icmpv6, SkipTrue: 4},
		bpf.LoadIndirect{Off: offICMPv6, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpLessThan, Val: ndFirst, SkipTrue: 2},
		bpf.JumpIf{Cond: bpf.JumpGreaterThan, Val: ndLast, SkipTrue: 1},
		pass[0],
	}
	switch {
	case len(keys) == 0:
		return append(b, drop...)
	case words == 0:
		return append(b, pass...)
	}
	return append(b, searchWord(keys, 0, words)...)
}

// searchWord compares word i of the destination, then those behind it. The keys
// agree in the words before i. Addresses of a site agree in most of their
// words, so there is a search by halves for each word and not one for all.
func searchWord(keys []key, i, words int) block {
	load := block{bpf.LoadIndirect{Off: offDst6 + 4*uint32(i), Size: 4}}
	if i == words-1 {
		last := make([]uint32, len(keys))
		for n, k := range keys {
			last[n] = k[i]
		}
		return append(load, searchSpans(spansOf(last))...)
	}
	var groups [][]key
	for start, n := 0, 1; n <= len(keys); n++ {
		if n == len(keys) || keys[n][i] != keys[start][i] {
			groups = append(groups, keys[start:n])
			start = n
		}
	}
	return append(load, searchGroups(groups, i, words)...)
}

// searchGroups finds the group that has the accumulator as word i.
func searchGroups(groups [][]key, i, words int) block {
	if len(groups) == 1 {
		return branch(bpf.JumpEqual, groups[0][0][i], searchWord(groups[0], i+1, words), drop)
	}
	mid := len(groups) / 2
	return branch(bpf.JumpGreaterOrEqual, groups[mid][0][i],
		searchGroups(groups[mid:], i, words), searchGroups(groups[:mid], i, words))
}
