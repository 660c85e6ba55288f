package stack

import (
	"testing"

	"gvisor.dev/gvisor/pkg/tcpip/header"

	"github.com/ipvl/ipvl/stack/fib"
)

func TestGratuitousARPIsFollowed(t *testing.T) {
	for _, op := range []header.ARPOp{header.ARPRequest, header.ARPReply} {
		l := newLAN(t, nil)
		l.resolve("10.0.0.9", peerMAC)
		l.arp(op, broadcast, otherMAC, "10.0.0.9", "10.0.0.9")
		l.wantSend("10.0.0.9", otherMAC)
		l.expect("answered", l.heard())
	}
}

// An ARP request of the neighbour's for somebody else tells its MAC address.
func TestRequestOfANeighborIsFollowed(t *testing.T) {
	l := newLAN(t, nil)
	l.resolve("10.0.0.9", peerMAC)
	l.clock.Advance(2 * second)
	l.arp(header.ARPRequest, broadcast, otherMAC, "10.0.0.9", "10.0.0.77")
	l.wantSend("10.0.0.9", otherMAC)
}

func TestFirstAnswerWinsForASecond(t *testing.T) {
	l := newLAN(t, nil)
	l.resolve("10.0.0.9", peerMAC)
	l.clock.Advance(second / 2)
	l.reply("10.0.0.9", otherMAC)
	l.wantSend("10.0.0.9", peerMAC)
	l.clock.Advance(2 * second)
	l.reply("10.0.0.9", otherMAC)
	l.wantSend("10.0.0.9", otherMAC)
}

func TestStrangersAreNotLearned(t *testing.T) {
	l := newLAN(t, nil)
	l.reply("10.0.0.9", peerMAC)
	l.arp(header.ARPRequest, broadcast, peerMAC, "10.0.0.8", "10.0.0.1")
	l.ndp(header.ICMPv6NeighborAdvert, 0x20, peerMAC, "fe80::9", "ff02::1", "fe80::9")
	if n := l.r.Neighbors(); len(n) != 0 {
		t.Errorf("%+v", n)
	}
}

func TestMACOfTheMasterOrOfMulticastIsNotTaken(t *testing.T) {
	l := newLAN(t, nil)
	l.hold("10.0.0.9", "1")
	for _, mac := range [][6]byte{masterMAC, broadcast, {}, {1, 0, 0x5e, 0, 0, 1}} {
		l.reply("10.0.0.9", mac)
	}
	l.wantWait("10.0.0.9")
	l.reply("10.0.0.9", peerMAC)
	l.wantSend("10.0.0.9", peerMAC)
}

func TestAdvertisementsAreFollowed(t *testing.T) {
	const router, solicited, override = 0x80, 0x40, 0x20
	for name, tt := range map[string]struct {
		flags byte
		dst   string
		want  [6]byte
	}{
		"unsolicited, override": {override, "ff02::1", otherMAC},
		"solicited, override":   {solicited | override, "fe80::1", otherMAC},
		"router":                {router | solicited | override, "fe80::1", otherMAC},
		"no override":           {solicited, "fe80::1", peerMAC},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLAN(t, nil)
			l.hold("2001:db8::9", "1")
			l.ndp(header.ICMPv6NeighborAdvert, solicited|override, peerMAC, "fe80::9", "fe80::1", "2001:db8::9")
			l.wantSend("2001:db8::9", peerMAC)
			l.ndp(header.ICMPv6NeighborAdvert, tt.flags, otherMAC, "fe80::9", tt.dst, "2001:db8::9")
			l.wantSend("2001:db8::9", tt.want)
		})
	}
}

func TestBadAdvertisementsAreNotFollowed(t *testing.T) {
	l := newLAN(t, nil)
	l.hold("fe80::9", "1")
	msg := append([]byte{136, 0, 0, 0, 0x60, 0, 0, 0}, ip("fe80::9").AsSlice()...)
	l.icmp6(peerMAC, "fe80::9", "fe80::1", msg)      // no link-layer address
	l.icmp6(peerMAC, "fe80::9", "fe80::1", msg[:20]) // cut short
	l.wantWait("fe80::9")
}

// A stale neighbour in use is probed by unicast, one not in use is left alone.
func TestConfirmation(t *testing.T) {
	l := newLAN(t, nil)
	l.resolve("10.0.0.9", peerMAC)
	l.clock.Advance(3600 * second)
	l.expect("asked without use", l.heard())
	if got := l.stateOf("10.0.0.9"); got != NUDStale {
		t.Fatalf("%v", got)
	}
	l.wantSend("10.0.0.9", peerMAC)
	if got := l.stateOf("10.0.0.9"); got != NUDDelay {
		t.Fatalf("%v after use", got)
	}
	l.expect("asked at once", l.heard())
	l.clock.Advance(5 * second)
	l.expect("probe", l.heard(), "020000000009 who-has 10.0.0.9 tell 10.0.0.1")
	l.reply("10.0.0.9", peerMAC)
	if got := l.stateOf("10.0.0.9"); got != NUDReachable {
		t.Fatalf("%v after the answer", got)
	}
}

func TestProbesThatFailEndInAWait(t *testing.T) {
	l := newLAN(t, nil)
	l.resolve("10.0.0.9", peerMAC)
	l.clock.Advance(60 * second)
	l.wantSend("10.0.0.9", peerMAC)
	l.clock.Advance(5 * second)
	for range 3 {
		l.expect("probe", l.heard(), "020000000009 who-has 10.0.0.9 tell 10.0.0.1")
		l.wantSend("10.0.0.9", peerMAC)
		l.clock.Advance(second)
	}
	l.wantWait("10.0.0.9")
	l.hold("10.0.0.9", "1")
	l.expect("asked", l.heard(), "ffffffffffff who-has 10.0.0.9 tell 10.0.0.1")
	l.reply("10.0.0.9", otherMAC)
	l.expect("emitted", l.emitted(), frame("1", otherMAC))
}

func TestPermanentNeighborsWin(t *testing.T) {
	fixed := fib.Neigh{Index: 2, Dst: ip("10.0.0.9"), MAC: otherMAC}
	l := newLAN(t, func(s *fib.Snapshot, _ *RouterOptions) {
		s.Neighs = []fib.Neigh{fixed, {Index: 3, Dst: ip("10.0.0.8"), MAC: otherMAC}}
	})
	l.wantSend("10.0.0.9", otherMAC)
	l.wantWait("10.0.0.8") // it is on another interface
	l.arp(header.ARPReply, broadcast, peerMAC, "10.0.0.9", "10.0.0.9")
	l.wantSend("10.0.0.9", otherMAC)
	if got := l.stateOf("10.0.0.9"); got != NUDPermanent {
		t.Errorf("%v", got)
	}
	l.set(namespace())
	l.wantWait("10.0.0.9")
	l.hold("10.0.0.9", "1")
	l.heard()
	s := namespace()
	s.Neighs = []fib.Neigh{fixed}
	l.set(s)
	l.settle()
	l.expect("emitted when it became permanent", l.emitted(), frame("1", otherMAC))
	l.clock.Advance(60 * second)
	l.wantSend("10.0.0.9", otherMAC)
	s.Neighs[0].MAC = peerMAC
	l.set(s)
	l.wantSend("10.0.0.9", peerMAC)
	l.expect("asked", l.heard())
}

func TestInvalidation(t *testing.T) {
	for name, tt := range map[string]struct {
		edit   func(*fib.Iface)
		reason Reason
	}{
		"down":       {func(i *fib.Iface) { i.Up = false }, ReasonLinkDown},
		"no carrier": {func(i *fib.Iface) { i.Running = false }, ReasonLinkDown},
		"other MAC":  {func(i *fib.Iface) { i.MAC = [6]byte{2, 7, 7, 7, 7, 7} }, ReasonNone},
		"gone":       {func(i *fib.Iface) { i.Index, i.Name = 9, "other" }, ReasonLinkDown},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLAN(t, nil)
			l.resolve("10.0.0.9", peerMAC)
			l.hold("10.0.0.8", "waits")
			l.heard()
			s := namespace()
			tt.edit(&s.Ifaces[0])
			if _, err := l.mirror.Set(s); err != nil {
				t.Fatal(err)
			}
			l.settle()
			if h := l.next("10.0.0.9"); h.Verdict == VerdictSend || h.Reason != tt.reason || h.Verdict == VerdictWait && h.Src != s.Ifaces[0].MAC {
				t.Errorf("%+v", h)
			}
			if n := l.r.Neighbors(); len(n) != 0 {
				t.Errorf("still known: %+v", n)
			}
			l.wantDrops(map[Reason]Reason{ReasonNone: ReasonUnresolved, ReasonLinkDown: ReasonLinkDown}[tt.reason], l.r.Stats().Drops[tt.reason]+bool1(tt.reason == ReasonNone))
			l.set(namespace())
			l.resolve("10.0.0.9", otherMAC)
		})
	}
}

func bool1(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}
