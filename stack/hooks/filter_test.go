package hooks

import (
	"fmt"
	"testing"

	"github.com/ipvl/ipvl/stack"
	"github.com/ipvl/ipvl/stack/rules"
)

func states(s ...rules.State) rules.Match { return rules.Match{States: s} }

// established lets answers in and nothing else.
func established() rules.Set {
	return filter(rules.ChainInput, rules.KindDrop, verdict(rules.KindAccept, states(rules.StateEstablished, rules.StateRelated)))
}

func TestEstablishedOnlyInput(t *testing.T) {
	for name, c := range families {
		t.Run(name, func(t *testing.T) {
			k := newKit(t, established(), nil)
			k.in(spec{proto: protoTCP, src: at(c.peer, 80), dst: at(c.dev, 1000), flags: tcpSYN}, "drop")
			k.in(spec{proto: protoUDP, src: at(c.peer, 53), dst: at(c.dev, 1000)}, "drop")
			k.in(spec{proto: c.icmp, icmp: c.request, src: at(c.peer, 7), dst: c.dev}, "drop")
			k.in(spec{proto: c.icmp, icmp: c.reply, src: c.peer, dst: at(c.dev, 9)}, "drop")
			k.expectConns() // what is dropped leaves nothing behind
			k.out(spec{proto: protoTCP, src: at(c.dev, 1000), dst: at(c.peer, 80), flags: tcpSYN}, "")
			k.in(spec{proto: protoTCP, src: at(c.peer, 80), dst: at(c.dev, 1000), flags: tcpSYN | tcpACK, ack: 1}, "")
			k.out(spec{proto: protoUDP, src: at(c.dev, 1000), dst: at(c.peer, 53)}, "")
			k.in(spec{proto: protoUDP, src: at(c.peer, 53), dst: at(c.dev, 1000)}, "")
			k.out(spec{proto: c.icmp, icmp: c.request, src: at(c.dev, 9), dst: c.peer}, "")
			k.in(spec{proto: c.icmp, icmp: c.reply, src: c.peer, dst: at(c.dev, 9)}, "")
			k.in(spec{proto: c.icmp, icmp: c.reply, src: c.peer, dst: at(c.dev, 10)}, "drop")
			if s := k.e.Stats(); s.FilterIn != 5 || s.Conns != 3 {
				t.Errorf("%+v", s)
			}
		})
	}
}

func TestOutputFilter(t *testing.T) {
	k := newKit(t, filter(rules.ChainOutput, rules.KindAccept,
		verdict(rules.KindDrop, rules.Match{Proto: protoTCP, DstPorts: rules.Ports{Lo: 25, Hi: 25}}),
		verdict(rules.KindAccept, rules.Match{Dst: prefix("192.0.2.0/24")}),
		verdict(rules.KindDrop, rules.Match{Src: prefix("10.1.0.11/32"), Family: 4})), nil)
	k.out(spec{proto: protoTCP, src: "10.1.0.11:1", dst: "192.0.2.9:25", flags: tcpSYN, payload: 4}, "drop")
	k.out(spec{proto: protoTCP, src: "10.1.0.11:1", dst: "192.0.2.9:26", flags: tcpSYN}, "")
	k.out(spec{proto: protoTCP, src: "10.1.0.11:1", dst: "198.51.100.1:26", flags: tcpSYN}, "drop")
	k.out(spec{proto: protoTCP, src: "10.1.0.12:1", dst: "198.51.100.1:26", flags: tcpSYN}, "")
	k.out(spec{proto: protoTCP, src: "[2001:db8:1::11]:1", dst: "[2001:db8:9::9]:26", flags: tcpSYN}, "")
	for i, want := range [][2]uint64{{1, 48}, {1, 44}, {1, 44}} {
		if r := k.e.Snapshot().Filter[rules.ChainOutput][i]; r.Packets != want[0] || r.Bytes != want[1] {
			t.Errorf("rule %d counted %d packets, %d bytes, want %v", i+1, r.Packets, r.Bytes, want)
		}
	}
	if s := k.e.Stats(); s.FilterOut != 2 {
		t.Errorf("%+v", s)
	}
	if len(k.routed) != 5 {
		t.Errorf("the router was asked %d times, want 5: before OUTPUT", len(k.routed))
	}
}

func TestMatches(t *testing.T) {
	tcp := spec{proto: protoTCP, src: "10.1.0.11:1000", dst: "192.0.2.9:80", flags: tcpSYN}
	for name, c := range map[string]struct {
		m    rules.Match
		want bool
	}{
		"all": {rules.Match{}, true}, "dev": {rules.Match{Dev: "m0"}, true}, "other dev": {rules.Match{Dev: "m1"}, false},
		"src": {rules.Match{Src: prefix("10.1.0.0/24")}, true}, "not src": {rules.Match{Src: prefix("10.1.0.0/24"), NotSrc: true}, false},
		"dst": {rules.Match{Dst: prefix("10.1.0.0/24")}, false}, "not dst": {rules.Match{Dst: prefix("10.1.0.0/24"), NotDst: true}, true},
		"v6 prefix": {rules.Match{Dst: prefix("::/0")}, false}, "family": {rules.Match{Family: 4}, true}, "other family": {rules.Match{Family: 6}, false},
		"proto": {rules.Match{Proto: protoTCP}, true}, "other proto": {rules.Match{Proto: protoUDP}, false},
		"sport": {rules.Match{Proto: protoTCP, SrcPorts: rules.Ports{Lo: 999, Hi: 1000}}, true}, "other sport": {rules.Match{Proto: protoTCP, SrcPorts: rules.Ports{Lo: 1001, Hi: 2000}}, false},
		"dport": {rules.Match{Proto: protoTCP, DstPorts: rules.Ports{Lo: 80, Hi: 80}}, true}, "other dport": {rules.Match{Proto: protoTCP, DstPorts: rules.Ports{Lo: 1, Hi: 79}}, false},
		"new": {states(rules.StateNew), true}, "not established": {states(rules.StateEstablished, rules.StateRelated, rules.StateInvalid), false},
	} {
		k := newKit(t, filter(rules.ChainOutput, rules.KindAccept, verdict(rules.KindDrop, c.m)), nil)
		if _, _, r := k.e.Output(tcp.build()); (r == Drop) != c.want {
			t.Errorf("%s: %v", name, r)
		}
	}
}

// A rule that names the master does not match in postrouting what leaves by
// another interface.
func TestDevInPostrouting(t *testing.T) {
	k := newKit(t, nat(rules.ChainPostrouting, rules.Rule{Match: rules.Match{Dev: "m0"}, Action: rules.Action{Kind: rules.KindMasquerade}}), nil)
	k.hop = stack.Hop{Verdict: stack.VerdictElsewhere, Index: 7}
	k.out(spec{proto: protoUDP, src: "10.1.0.11:62000", dst: "192.0.2.9:53"}, "")
	k.hop = stack.Hop{Verdict: stack.VerdictWait}
	k.out(spec{proto: protoUDP, src: "10.1.0.11:62000", dst: "192.0.2.10:53"}, "udp 10.0.0.1:62000 > 192.0.2.10:53")
	k.hop = stack.Hop{Verdict: stack.VerdictLocal}
	k.out(spec{proto: protoUDP, src: "10.1.0.11:62000", dst: "10.0.0.1:53"}, "")
}

// The state of each packet, as one filter rule a state counts it.
func TestStates(t *testing.T) {
	var rs []rules.Rule
	all := []rules.State{rules.StateNew, rules.StateEstablished, rules.StateRelated, rules.StateInvalid}
	for _, s := range all {
		rs = append(rs, verdict(rules.KindAccept, states(s)))
	}
	s := filter(rules.ChainInput, rules.KindAccept, rs...)
	s.Filter[rules.ChainOutput] = rs
	out, in := rules.ChainOutput, rules.ChainInput
	dev, peer := "10.1.0.11:1000", "192.0.2.9:80"
	orig := func(flags byte, seq, ack uint32) spec {
		return spec{proto: protoTCP, src: dev, dst: peer, flags: flags, seq: seq, ack: ack}
	}
	answer := func(flags byte, seq, ack uint32) spec {
		return spec{proto: protoTCP, src: peer, dst: dev, flags: flags, seq: seq, ack: ack}
	}
	k := newKit(t, s, nil)
	for i, step := range []struct {
		c    rules.Chain
		s    spec
		want string
	}{
		{out, orig(tcpSYN, 0, 0), "new"}, {out, orig(tcpSYN, 0, 0), "new"}, {in, answer(tcpSYN|tcpACK, 100, 1), "established"},
		{out, orig(tcpACK, 1, 101), "established"}, {in, answer(tcpACK, 101, 1), "established"},
		{out, orig(tcpFIN|tcpACK, 1, 101), "established"}, {in, answer(tcpFIN|tcpACK, 101, 2), "established"}, {out, orig(tcpACK, 2, 102), "established"},
		{out, orig(tcpSYN, 900, 0), "new"}, // the same ports again
		{in, spec{proto: protoTCP, src: peer, dst: "10.1.0.11:1001", flags: tcpRST}, "invalid"},
		{in, spec{proto: protoTCP, src: peer, dst: "10.1.0.11:1001", flags: tcpSYN | tcpACK}, "invalid"},
		{in, spec{proto: protoTCP, src: peer, dst: "10.1.0.11:1001", flags: tcpFIN | tcpACK}, "invalid"},
		{in, spec{proto: protoTCP, src: peer, dst: "10.1.0.11:1001"}, "invalid"},
		{in, spec{proto: protoTCP, src: peer, dst: "10.1.0.11:1001", flags: tcpACK}, "new"}, // began before tracking did
		{out, spec{proto: protoUDP, src: dev, dst: peer}, "new"}, {out, spec{proto: protoUDP, src: dev, dst: peer}, "new"},
		{in, spec{proto: protoUDP, src: peer, dst: dev}, "established"}, {out, spec{proto: protoUDP, src: dev, dst: peer}, "established"},
		{in, spec{proto: protoICMP, icmp: 8, src: "192.0.2.9:5", dst: "10.1.0.11"}, "new"}, {out, spec{proto: protoICMP, icmp: 0, src: "10.1.0.11", dst: "192.0.2.9:5"}, "established"},
		{in, spec{proto: protoICMP, icmp: 0, src: "192.0.2.9", dst: "10.1.0.11:6"}, "invalid"},
		{in, spec{proto: protoICMP, icmp: 3, src: "192.0.2.1", dst: "10.1.0.11", about: orig(tcpACK, 0, 0).build()[vnetLen+ethLen:]}, "related"},
		{in, spec{proto: protoICMP, icmp: 3, src: "192.0.2.1", dst: "10.1.0.11", about: spec{proto: protoUDP, src: dev, dst: "192.0.2.77:1"}.build()[vnetLen+ethLen:]}, "invalid"},
		{in, spec{proto: protoICMP, icmp: 13, src: "192.0.2.1", dst: "10.1.0.11", payload: 12}, "none"},
		{in, spec{proto: 47, src: "192.0.2.1", dst: "10.1.0.11", payload: 8}, "new"},
	} {
		before := k.counts(step.c)
		if step.c == out {
			k.out(step.s, "")
		} else {
			k.in(step.s, "")
		}
		got := "none"
		for j, n := range k.counts(step.c) {
			if n != before[j] {
				got = string(all[j])
			}
		}
		if got != step.want {
			t.Errorf("step %d, %s: %s, want %s", i, show(step.s.build()), got, step.want)
		}
	}
}

func (k *kit) counts(c rules.Chain) []uint64 {
	var out []uint64
	for _, r := range k.e.Snapshot().Filter[c] {
		out = append(out, r.Packets)
	}
	return out
}

// Rules see a packet as Linux shows it to them: after the destination has been
// translated, and before the source is.
func TestFilterSeesTheTranslatedDestination(t *testing.T) {
	s := nat(rules.ChainPrerouting, dnat(rules.Match{Dst: prefix("10.0.0.1/32"), Proto: protoTCP}, "10.1.0.11", rules.Ports{Lo: 7, Hi: 7}))
	s.Filter = map[rules.Chain][]rules.Rule{rules.ChainInput: {verdict(rules.KindAccept, rules.Match{Dst: prefix("10.1.0.11/32"), Proto: protoTCP, DstPorts: rules.Ports{Lo: 7, Hi: 7}})}}
	s.Policy = map[rules.Chain]string{rules.ChainInput: rules.KindDrop}
	k := newKit(t, s, nil)
	k.in(spec{proto: protoTCP, src: "192.0.2.9:1", dst: "10.0.0.1:99", flags: tcpSYN}, "tcp 192.0.2.9:1 > 10.1.0.11:7")
	k.in(spec{proto: protoTCP, src: "192.0.2.9:1", dst: "10.1.0.11:99", flags: tcpSYN}, "drop")
}

// What cannot be tracked does not leave with an address that a rule would have
// hidden.
func TestUntrackableIsNotLeaked(t *testing.T) {
	k := newKit(t, masquerade(), nil)
	k.out(spec{proto: 47, src: "10.1.0.11", dst: "192.0.2.9"}, "drop")
	k.out(spec{proto: protoTCP, src: "10.1.0.11:1", dst: "192.0.2.9:1", flags: tcpRST}, "drop")
	k.out(spec{proto: protoICMP, icmp: 13, src: "10.1.0.11", dst: "192.0.2.9", payload: 12}, "drop")
	if s := k.e.Stats(); s.Untranslated != 3 {
		t.Errorf("%+v", s)
	}
	k = newKit(t, masquerade(), func(o *Options) { o.Source = nil })
	k.out(spec{proto: protoUDP, src: "10.1.0.11:1", dst: "192.0.2.9:1"}, "drop")
	if s := k.e.Stats(); s.NoSource != 1 || s.Conns != 0 {
		t.Errorf("%+v", s)
	}
}

func TestAppliedAgain(t *testing.T) {
	k := newKit(t, masquerade(), nil)
	f := k.out(spec{proto: protoUDP, src: "10.1.0.11:1000", dst: "192.0.2.9:53"}, "udp 10.0.0.1:54321 > 192.0.2.9:53")
	port := portOf(f)
	s := masquerade()
	s.Filter = map[rules.Chain][]rules.Rule{rules.ChainOutput: {verdict(rules.KindAccept, rules.Match{Proto: protoUDP})}}
	s.Filter[rules.ChainOutput][0].Packets = 41
	k.apply(s)
	k.out(spec{proto: protoUDP, src: "10.1.0.11:1000", dst: "192.0.2.9:53"}, fmt.Sprintf("udp 10.0.0.1:%d > 192.0.2.9:53", port))
	if got := k.e.Snapshot(); got.NAT[rules.ChainPostrouting][0].Packets != 1 || got.Filter[rules.ChainOutput][0].Packets != 42 {
		t.Errorf("counters: %+v", got)
	}
	// Without rules the connection lives on.
	k.apply(rules.Set{})
	k.in(spec{proto: protoUDP, src: "192.0.2.9:53", dst: at("10.0.0.1", port)}, "udp 192.0.2.9:53 > 10.1.0.11:1000")
	bad := rules.Set{Policy: map[rules.Chain]string{rules.ChainInput: "reject"}}
	if err := k.e.Apply(&bad); err == nil || !k.e.rules.Load().empty {
		t.Errorf("a bad set: %v", err)
	}
}

func (k *kit) apply(s rules.Set) {
	k.Helper()
	if err := k.e.Apply(&s); err != nil {
		k.Fatal(err)
	}
}

// Without rules nothing is tracked, and nothing of a frame but its address
// looked at.
func TestWithoutRules(t *testing.T) {
	k := newKit(t, rules.Set{}, nil)
	k.out(spec{proto: protoUDP, src: "10.1.0.11:1", dst: "192.0.2.9:1"}, "")
	k.in(spec{proto: protoUDP, src: "192.0.2.9:1", dst: "10.1.0.11:1"}, "")
	k.in(spec{proto: protoUDP, src: "192.0.2.9:1", dst: "10.0.0.1:1"}, "host")
	k.in(spec{proto: 47, src: "192.0.2.9", dst: "10.1.0.11", payload: 8}, "")
	k.expectConns()
	if k.e.track.Load() != nil {
		t.Error("there is a tracker")
	}
}
