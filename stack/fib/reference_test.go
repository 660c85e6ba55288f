package fib

import (
	"cmp"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"
)

// reference answers by going through everything, written from the rows and
// not from the code beside it.
type reference struct{ s Snapshot }

func (ref reference) kernel(master int, q Query) Result {
	var dev *Iface
	for i := range ref.s.Ifaces {
		if ref.s.Ifaces[i].Index == master {
			dev = &ref.s.Ifaces[i]
		}
	}
	if dev == nil {
		return Result{Reason: ReasonLinkDown}
	}
	q.OIF = master
	if !q.Dst.Is4() {
		return ref.rules(q)
	}
	if q.Dst.IsMulticast() {
		return Result{Reason: ReasonBroadcast}
	}
	if r := ref.rules(q); r.Reason == ReasonNone || r.Reason == ReasonBroadcast {
		return r
	}
	return Result{Verdict: VerdictForward, Assumed: true, Index: master, MTU: dev.MTU, NextHop: q.Dst}
}

func (ref reference) rules(q Query) Result {
	fam := 6
	if q.Dst.Is4() {
		fam = 4
	}
	var rules []Rule
	for _, r := range ref.s.Rules {
		if r.Family == fam {
			rules = append(rules, r)
		}
	}
	if len(rules) == 0 {
		rules = []Rule{{Table: 255, SuppressPrefixLen: -1}, {Priority: 32766, Table: 254, SuppressPrefixLen: -1}}
		if fam == 4 {
			rules = append(rules, Rule{Priority: 32767, Table: 253, SuppressPrefixLen: -1})
		}
	}
	slices.SortStableFunc(rules, func(a, b Rule) int { return cmp.Compare(a.Priority, b.Priority) })
	skipTo := uint32(0)
	for _, r := range rules {
		if skipTo != 0 && r.Priority != skipTo {
			continue
		}
		skipTo = 0
		from := r.Src == netip.Prefix{} || r.Src.Contains(q.Src)
		mark := q.Mark&r.MarkMask == r.Mark
		if (from && mark) == r.Invert {
			continue
		}
		switch r.Action {
		case ActionGoto:
			if slices.ContainsFunc(rules, func(o Rule) bool { return o.Priority == r.Goto && o.Priority > r.Priority }) {
				skipTo = r.Goto
			}
		case ActionBlackhole:
			return Result{Reason: ReasonBlackhole}
		case ActionTable:
			if res, ok := ref.table(r, q); ok {
				return res
			}
		}
	}
	return Result{Reason: ReasonNoRoute}
}

// table is false to go on with the next rule.
func (ref reference) table(rule Rule, q Query) (Result, bool) {
	strict := q.OIF != 0 && (q.Dst.Is4() || q.Dst.IsLinkLocalUnicast() || !q.Src.IsValid())
	var best *Route
	for i := range ref.s.Routes {
		r := &ref.s.Routes[i]
		if r.Table != rule.Table || !r.Dst.Contains(q.Dst) || r.TOS != 0 && r.TOS != q.TOS {
			continue
		}
		if r.Src.IsValid() && !r.Src.Contains(q.Src) {
			continue
		}
		if !r.Type.isReject() && ref.hop(r, q, strict) == nil || r.Type.isReject() && strict && q.Dst.Is6() {
			continue
		}
		if best == nil || ref.better(r, best, q) {
			best = r
		}
	}
	if best == nil || best.Type == Throw {
		return Result{}, false
	}
	res := Result{Type: best.Type, Table: best.Table, PrefixLen: uint8(best.Dst.Bits()), MTU: best.MTU, PrefSrc: best.PrefSrc}
	switch best.Type {
	case Blackhole:
		return Result{Reason: ReasonBlackhole}, true
	case Unreachable:
		return Result{Reason: ReasonUnreachable}, true
	case Prohibit:
		return Result{Reason: ReasonProhibit}, true
	}
	if best.Dst.Bits() <= rule.SuppressPrefixLen {
		return Result{}, false
	}
	hop := ref.hop(best, q, strict)
	res.Index = hop.Index
	for _, i := range ref.s.Ifaces {
		if i.Index == hop.Index && (res.MTU == 0 || res.MTU > i.MTU) {
			res.MTU = i.MTU
		}
	}
	switch {
	case best.Type == Local || best.Type == Anycast && q.Dst.Is6():
		res.Verdict = VerdictLocal
	case best.Type != Unicast:
		res.Reason = ReasonBroadcast
	default:
		res.Verdict, res.NextHop = VerdictForward, q.Dst
		if hop.Via.IsValid() {
			res.NextHop = hop.Via
		}
	}
	return res, true
}

func (ref reference) hop(r *Route, q Query, strict bool) *NextHop {
	var live []*NextHop
	for i := range r.NextHops {
		h := &r.NextHops[i]
		if h.Dead || strict && h.Index != q.OIF {
			continue
		}
		for range max(h.Weight, 1) {
			live = append(live, h)
		}
	}
	if len(live) == 0 {
		return nil
	}
	if q.Dst.Is4() && q.OIF != 0 {
		return live[0]
	}
	return live[uint64(q.Hash)*uint64(len(live))>>32]
}

func (ref reference) better(a, b *Route, q Query) bool {
	if c := cmp.Or(cmp.Compare(a.Dst.Bits(), b.Dst.Bits()), cmp.Compare(a.Src.Bits(), b.Src.Bits()),
		cmp.Compare(a.TOS, b.TOS), cmp.Compare(b.Metric, a.Metric)); c != 0 || q.Dst.Is4() {
		return c > 0
	}
	rank := func(r *Route) int {
		n := []int{1: 30, 0: 20, 3: 10}[r.Pref]
		for _, h := range r.NextHops {
			if !h.Dead && (q.OIF == 0 || h.Index == q.OIF) {
				return n + 1
			}
		}
		return n
	}
	return rank(a) > rank(b)
}

func TestAgainstReference(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 300 {
		s := randomSnapshot(rng)
		tab, _, err := Compile(s)
		if err != nil {
			t.Fatal(err)
		}
		ref := reference{s}
		for range 200 {
			q := randomQuery(rng)
			if got, want := tab.Lookup(q), ref.rules(q); got != want {
				t.Fatalf("seed %d: Lookup(%+v)\n got %+v\nwant %+v\nin %+v", seed, q, got, want, s)
			}
			if got, want := tab.LookupKernel(2, q), ref.kernel(2, q); got != want {
				t.Fatalf("seed %d: LookupKernel(%+v)\n got %+v\nwant %+v\nin %+v", seed, q, got, want, s)
			}
		}
	}
}

// randomAddr stays in a corner, so that prefixes nest and addresses hit.
func randomAddr(rng *rand.Rand, is4 bool) netip.Addr {
	b := [16]byte{0x20, 1, 0xd, 0xb8, 14: byte(rng.IntN(4)), 15: byte(rng.IntN(16))}
	if is4 {
		return netip.AddrFrom4([4]byte{10, 0, b[14], b[15]})
	}
	if rng.IntN(4) == 0 {
		b[0], b[1] = 0xfe, 0x80
	}
	return netip.AddrFrom16(b)
}

func randomPrefix(rng *rand.Rand, is4 bool) netip.Prefix {
	a := randomAddr(rng, is4)
	bits := a.BitLen() - rng.IntN(12)
	switch rng.IntN(8) {
	case 0:
		bits = 0
	case 1:
		bits = rng.IntN(a.BitLen() + 1)
	}
	return netip.PrefixFrom(a, bits).Masked()
}

// randomSource is never the whole family, which is no source at all.
func randomSource(rng *rand.Rand, is4 bool) netip.Prefix {
	for {
		if p := randomPrefix(rng, is4); p.Bits() > 0 {
			return p
		}
	}
}

func randomRoute(rng *rand.Rand) Route {
	is4 := rng.IntN(2) == 0
	r := Route{
		Dst: randomPrefix(rng, is4), Table: []uint32{253, 254, 254, 255, 7}[rng.IntN(5)], Metric: uint32(rng.IntN(3)),
		MTU: []uint32{0, 1400, 70000}[rng.IntN(3)],
	}
	if rng.IntN(3) == 0 {
		r.Type = Type(rng.IntN(int(Throw) + 1))
	}
	if is4 {
		r.TOS = []byte{0, 0, 0x10}[rng.IntN(3)]
	} else {
		r.Pref = []byte{0, 0, 1, 3}[rng.IntN(4)]
		if rng.IntN(4) == 0 {
			r.Src = randomSource(rng, false)
		}
	}
	if r.Type.isReject() {
		return r
	}
	for range 1 + rng.IntN(3)*rng.IntN(2) {
		h := NextHop{Index: 2 + rng.IntN(2), Weight: rng.IntN(4), Dead: rng.IntN(8) == 0, LinkDown: rng.IntN(8) == 0}
		if rng.IntN(2) == 0 {
			h.Via = randomAddr(rng, is4)
		}
		r.NextHops = append(r.NextHops, h)
	}
	return r
}

func randomSnapshot(rng *rand.Rand) Snapshot {
	s := Snapshot{Ifaces: []Iface{{Index: 2, Name: "m0", MTU: 1500, Up: true}, {Index: 3, Name: "d0", MTU: 9000, Up: true}}}
	for range rng.IntN(25) {
		s.Routes = append(s.Routes, randomRoute(rng))
	}
	for range rng.IntN(3) * 2 {
		is4 := rng.IntN(2) == 0
		r := Rule{
			Family: 6, Priority: uint32(1 + rng.IntN(5)), Invert: rng.IntN(3) == 0, Table: []uint32{254, 255, 7}[rng.IntN(3)],
			Mark: uint32(rng.IntN(2)), MarkMask: 1, SuppressPrefixLen: rng.IntN(20)*rng.IntN(2) - 1, SuppressGroup: -1,
			Goto: uint32(1 + rng.IntN(5)), Action: []Action{ActionTable, ActionTable, ActionGoto, ActionNop, ActionBlackhole}[rng.IntN(5)],
		}
		if is4 {
			r.Family = 4
		}
		if rng.IntN(2) == 0 {
			r.Src = randomSource(rng, is4)
		}
		s.Rules = append(s.Rules, r)
	}
	return s
}

func randomQuery(rng *rand.Rand) Query {
	is4 := rng.IntN(2) == 0
	q := Query{Dst: randomAddr(rng, is4), Mark: uint32(rng.IntN(2)), TOS: []byte{0, 0x10}[rng.IntN(2)], Hash: rng.Uint32(), OIF: []int{0, 2, 3}[rng.IntN(3)]}
	if rng.IntN(4) != 0 {
		q.Src = randomAddr(rng, is4)
	}
	return q
}
