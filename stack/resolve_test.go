package stack

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"gvisor.dev/gvisor/pkg/tcpip/header"

	"github.com/ipvl/ipvl/stack/fib"
)

func TestResolveIPv4(t *testing.T) {
	l := newLAN(t, nil)
	l.hold("10.0.0.9", "1", "2", "3")
	l.expect("asked", l.heard(), "ffffffffffff who-has 10.0.0.9 tell 10.0.0.1")
	l.expect("emitted before the answer", l.emitted())
	l.reply("10.0.0.9", peerMAC)
	l.expect("emitted", l.emitted(), frame("1", peerMAC), frame("2", peerMAC), frame("3", peerMAC))
	h := l.next("10.0.0.9")
	if h.Verdict != VerdictSend || h.Dst != peerMAC || h.Src != masterMAC || h.MTU != 1500 || h.Index != 2 || h.NextHop != ip("10.0.0.9") {
		t.Errorf("%+v", h)
	}
	if got := l.stateOf("10.0.0.9"); got != NUDReachable {
		t.Errorf("%v", got)
	}
}

func TestResolveGateway(t *testing.T) {
	l := newLAN(t, nil)
	l.hold("8.8.8.8", "1")
	l.hold("9.9.9.9", "2")
	l.expect("asked", l.heard(), "ffffffffffff who-has 10.0.0.254 tell 10.0.0.1")
	l.reply("10.0.0.254", peerMAC)
	l.expect("emitted", l.emitted(), frame("1", peerMAC), frame("2", peerMAC))
	l.wantSend("1.1.1.1", peerMAC)
}

func TestResolveIPv6(t *testing.T) {
	l := newLAN(t, nil)
	l.hold("2001:db8::9", "1", "2")
	l.expect("asked", l.heard(), "3333ff000009 who-has 2001:db8::9 tell fe80::1")
	l.ndp(header.ICMPv6NeighborAdvert, 0x60, peerMAC, "fe80::9", "fe80::1", "2001:db8::9")
	l.expect("emitted", l.emitted(), frame("1", peerMAC), frame("2", peerMAC))
	l.wantSend("2001:db8::9", peerMAC)
}

// An IPv4 route with an IPv6 gateway (RFC 5549) is resolved by NDP.
func TestResolveGatewayOfTheOtherFamily(t *testing.T) {
	l := newLAN(t, func(s *fib.Snapshot, _ *RouterOptions) { s.Routes[2].NextHops[0].Via = ip("fe80::9") })
	l.hold("8.8.8.8", "1")
	l.expect("asked", l.heard(), "3333ff000009 who-has fe80::9 tell fe80::1")
	l.ndp(header.ICMPv6NeighborAdvert, 0x60, peerMAC, "fe80::9", "fe80::1", "fe80::9")
	l.expect("emitted", l.emitted(), frame("1", peerMAC))
}

// The sender of an ARP request is what inet_select_addr gives.
func TestSenderOfRequests(t *testing.T) {
	for name, tt := range map[string]struct {
		edit func(*fib.Snapshot)
		dst  string
		want string
	}{
		"subnet": {func(s *fib.Snapshot) {
			s.Routes[1].Dst = prefix("10.7.0.0/24")
		}, "10.7.0.9", "ffffffffffff who-has 10.7.0.9 tell 10.7.0.1"},
		"unnumbered": {func(s *fib.Snapshot) {
			s.Addrs = []fib.Addr{{Index: 3, Prefix: prefix("192.0.2.1/24")}}
		}, "10.0.0.9", "ffffffffffff who-has 10.0.0.9 tell 192.0.2.1"},
		"no address": {func(s *fib.Snapshot) {
			s.Addrs = nil
		}, "10.0.0.9", "ffffffffffff who-has 10.0.0.9 tell 0.0.0.0"},
		"no link-local": {func(s *fib.Snapshot) {
			s.Addrs = s.Addrs[:3]
		}, "2001:db8::9", "3333ff000009 who-has 2001:db8::9 tell 2001:db8::1"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLAN(t, func(s *fib.Snapshot, _ *RouterOptions) { tt.edit(s) })
			l.hold(tt.dst, "1")
			l.expect("asked", l.heard(), tt.want)
		})
	}
}

func TestNoIPv6AddressFails(t *testing.T) {
	l := newLAN(t, func(s *fib.Snapshot, _ *RouterOptions) { s.Addrs = s.Addrs[:2] })
	l.hold("2001:db8::9", "1")
	l.expect("asked", l.heard())
	l.wantDrops(ReasonUnresolved, 1)
	s := namespace()
	l.set(s)
	l.hold("2001:db8::9", "2")
	l.expect("asked with an address", l.heard(), "3333ff000009 who-has 2001:db8::9 tell fe80::1")
}

func TestFailureAfterThreeRequests(t *testing.T) {
	l := newLAN(t, nil)
	l.hold("10.0.0.9", "1", "2")
	ask := "ffffffffffff who-has 10.0.0.9 tell 10.0.0.1"
	for i := range 3 {
		l.expect(fmt.Sprint("asked after ", i, " s"), l.heard(), ask)
		l.wantDrops(ReasonUnresolved, 0)
		l.clock.Advance(second)
	}
	l.expect("asked a fourth time", l.heard())
	l.wantDrops(ReasonUnresolved, 2)
	if got := l.stateOf("10.0.0.9"); got != NUDFailed {
		t.Errorf("%v", got)
	}
	l.clock.Advance(60 * second)
	l.expect("asked unprompted", l.heard())
	l.hold("10.0.0.9", "3")
	l.expect("asked anew", l.heard(), ask)
	l.reply("10.0.0.9", peerMAC)
	l.expect("emitted", l.emitted(), frame("3", peerMAC))
}

func TestQueueIsBounded(t *testing.T) {
	l := newLAN(t, nil)
	var want []string
	for i := range 150 {
		l.hold("10.0.0.9", fmt.Sprint(i))
		want = append(want, frame(fmt.Sprint(i), peerMAC))
	}
	l.wantDrops(ReasonQueueFull, 49)
	l.reply("10.0.0.9", peerMAC)
	l.expect("emitted", l.emitted(), want[49:]...)
	for range 5 {
		l.hold("10.0.0.8", string(payload))
	}
	l.wantDrops(ReasonQueueFull, 49+2)
	l.reply("10.0.0.8", peerMAC)
	if got := len(l.emitted()); got != 3 {
		t.Errorf("%d large frames emitted, want 3", got)
	}
}

func TestAllQueuesAreBounded(t *testing.T) {
	l := newLAN(t, nil)
	for i := range 50 {
		for range 3 {
			l.hold(fmt.Sprintf("10.0.0.%d", 100+i), string(payload))
		}
	}
	if s := l.r.Stats(); s.Drops[ReasonQueueFull] != 150-130 {
		t.Errorf("%d of 150 frames dropped", s.Drops[ReasonQueueFull])
	}
	l.clock.Advance(10 * second)
	l.heard()
	l.hold("10.0.0.9", "there is room again")
	if s := l.r.Stats(); s.Drops[ReasonQueueFull] != 20 {
		t.Errorf("%d drops", s.Drops[ReasonQueueFull])
	}
}

// What is held while the queue is emitted goes after it.
func TestOrderWhileEmitting(t *testing.T) {
	var l *lan
	l = newLAN(t, func(_ *fib.Snapshot, o *RouterOptions) {
		o.Emit = func(hop Hop, frame []byte) {
			l.emit(hop, frame)
			if string(frame[24:]) == "1" {
				l.wantWait("10.0.0.9")
				l.r.Hold(l.next("10.0.0.9"), append(make([]byte, 24), '3'))
			}
		}
	})
	l.hold("10.0.0.9", "1", "2")
	l.reply("10.0.0.9", peerMAC)
	l.expect("emitted", l.emitted(), frame("1", peerMAC), frame("2", peerMAC), frame("3", peerMAC))
	l.wantSend("10.0.0.9", peerMAC)
}

func TestHoldAfterResolution(t *testing.T) {
	l := newLAN(t, nil)
	late := l.next("10.0.0.9")
	l.resolve("10.0.0.9", peerMAC)
	l.r.Hold(late, append(make([]byte, 24), "late"...))
	l.expect("emitted", l.emitted(), frame("late", peerMAC))
}

func TestHoldRefuses(t *testing.T) {
	l := newLAN(t, nil)
	l.r.Hold(l.next("10.0.0.9"), make([]byte, 23))
	l.r.Hold(Hop{}, make([]byte, 100))
	l.r.Hold(Hop{Verdict: VerdictWait}, make([]byte, 100))
	l.wantDrops(ReasonMalformed, 3)
	l.expect("asked", l.heard())
}

func TestVerdicts(t *testing.T) {
	l := newLAN(t, nil)
	for dst, want := range map[string]Hop{
		"10.0.0.1":        {Verdict: VerdictLocal, Index: 2, MTU: 1500},
		"255.255.255.255": {Reason: ReasonBroadcast},
		"2001:db8:9::9":   {Verdict: VerdictElsewhere, Index: 3, MTU: 9000, NextHop: netip.MustParseAddr("fe80::d")},
		"ff02::1:2": {Verdict: VerdictSend, Dst: [6]byte{0x33, 0x33, 0, 1, 0, 2}, Src: masterMAC, Index: 2, MTU: 1500,
			NextHop: netip.MustParseAddr("ff02::1:2")},
	} {
		if got := l.next(dst); got != want {
			t.Errorf("%s: %+v, want %+v", dst, got, want)
		}
	}
	l.wantDrops(ReasonBroadcast, 1)
}

// TestScanLeavesTheGatewayAlone: a device asks for a whole subnet.
func TestScanLeavesTheGatewayAlone(t *testing.T) {
	l := newLAN(t, func(s *fib.Snapshot, _ *RouterOptions) { s.Routes[1].Dst = prefix("10.0.0.0/16") })
	l.resolve("10.0.0.254", peerMAC)
	for round := range 4 {
		for i := range 1000 {
			l.hold(fmt.Sprintf("10.0.%d.%d", 1+round*4+i/250, i%250), "scan")
		}
		l.clock.Advance(50 * second)
		l.wantSend("10.0.0.254", peerMAC)
		l.reply("10.0.0.254", peerMAC) // it is asked for at once where the scan pushed it out of gVisor's cache
		l.clock.Advance(5 * second)
		l.reply("10.0.0.254", peerMAC) // and probed else
		l.heard()
	}
	s := l.r.Stats()
	if s.Drops[ReasonNeighborsFull] == 0 || s.Drops[ReasonNeighborsFull]+s.Drops[ReasonUnresolved] != 4000 {
		t.Errorf("%+v", s)
	}
	if n := len(l.r.Neighbors()); n > 1024 {
		t.Errorf("%d neighbours kept", n)
	}
}

// More neighbours than gVisor's cache holds stay usable.
func TestMoreNeighborsThanTheCacheHolds(t *testing.T) {
	l := newLAN(t, func(s *fib.Snapshot, _ *RouterOptions) { s.Routes[1].Dst = prefix("10.0.0.0/16") })
	var all []string
	for i := range 800 {
		all = append(all, fmt.Sprintf("10.0.%d.%d", 1+i/250, 1+i%250))
		l.resolve(all[i], peerMAC)
	}
	for _, addr := range all {
		l.wantSend(addr, peerMAC)
	}
	l.expect("asked while all are fresh", l.heard())
	l.clock.Advance(2 * second)
	l.reply(all[0], otherMAC)
	l.wantSend(all[0], otherMAC)
	l.clock.Advance(50 * second)
	l.wantSend(all[1], peerMAC)
	l.expect("asked when it is not", l.heard(), "ffffffffffff who-has 10.0.1.2 tell 10.0.0.1")
	l.clock.Advance(3 * second)
	l.wantWait(all[1])
}

func TestMaxNeighborsEvictsTheIdle(t *testing.T) {
	l := newLAN(t, func(_ *fib.Snapshot, o *RouterOptions) { o.MaxNeighbors = 2 })
	l.resolve("10.0.0.9", peerMAC)
	l.resolve("10.0.0.8", peerMAC)
	l.hold("10.0.0.7", "1")
	l.wantDrops(ReasonNeighborsFull, 1)
	l.clock.Advance(50 * second) // both are stale now
	l.wantSend("10.0.0.8", peerMAC)
	l.resolve("10.0.0.7", peerMAC)
	l.wantSend("10.0.0.8", peerMAC)
	l.wantWait("10.0.0.9")
}

func TestNeighborsAreSorted(t *testing.T) {
	l := newLAN(t, nil)
	l.hold("2001:db8::9", "1")
	l.resolve("10.0.0.9", peerMAC)
	l.hold("10.0.0.8", "1")
	want := []Neighbor{
		{Index: 2, Addr: ip("10.0.0.8"), State: NUDIncomplete},
		{Index: 2, Addr: ip("10.0.0.9"), State: NUDReachable, MAC: peerMAC},
		{Index: 2, Addr: ip("2001:db8::9"), State: NUDIncomplete},
	}
	if got := l.r.Neighbors(); !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}
