package stack

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"testing"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip/faketime"
	"gvisor.dev/gvisor/pkg/tcpip/link/channel"
	"gvisor.dev/gvisor/pkg/tcpip/link/ethernet"

	"github.com/ipvl/ipvl/stack/fib"
)

func TestNewRouterRefuses(t *testing.T) {
	ep := ethernet.New(channel.New(1, 1514, ""))
	emit := func(Hop, []byte) {}
	for want, try := range map[error]func() (*Router, error){
		ErrNoEndpoint: func() (*Router, error) { return NewRouter(nil, RouterOptions{Mirror: NewMirror(), Emit: emit}) },
		ErrNoMirror:   func() (*Router, error) { return NewRouter(ep, RouterOptions{Emit: emit}) },
		ErrNoEmit:     func() (*Router, error) { return NewRouter(ep, RouterOptions{Mirror: NewMirror()}) },
	} {
		var e *Error
		if r, err := try(); r != nil || !errors.Is(err, want) || !errors.As(err, &e) {
			t.Errorf("%v, want %v", err, want)
		}
	}
	if ep.IsAttached() {
		t.Error("a refused Router attached")
	}
}

func TestClose(t *testing.T) {
	l := newLAN(t, nil)
	l.resolve("10.0.0.9", peerMAC)
	l.hold("10.0.0.8", "1", "2")
	late := l.next("10.0.0.8")
	l.heard()
	for range 2 {
		if err := l.r.Close(); err != nil {
			t.Error(err)
		}
	}
	l.wantDrops(ReasonClosed, 2)
	if h := l.next("10.0.0.9"); h.Verdict != VerdictDrop || h.Reason != ReasonClosed {
		t.Errorf("%+v", h)
	}
	l.r.Hold(late, make([]byte, 60))
	l.wantDrops(ReasonClosed, 4)
	if l.wire.IsAttached() {
		t.Error("still attached")
	}
	l.mirror.mu.Lock()
	if n := len(l.mirror.watchers); n != 0 {
		t.Errorf("%d watchers left", n)
	}
	l.mirror.mu.Unlock()
	l.set(fib.Snapshot{})
	l.clock.Advance(10 * second)
	l.expect("on the wire", l.heard())
	l.expect("emitted", l.emitted())
}

// The master need not be there yet.
func TestMasterComesLater(t *testing.T) {
	l := newLAN(t, func(s *fib.Snapshot, _ *RouterOptions) { *s = fib.Snapshot{} })
	if h := l.next("10.0.0.9"); h.Reason != ReasonLinkDown {
		t.Errorf("%+v", h)
	}
	l.set(namespace())
	l.resolve("10.0.0.9", peerMAC)
}

func TestReasonsOfTheFIB(t *testing.T) {
	for r := fib.ReasonNone; r <= fib.ReasonLinkDown; r++ {
		if reasonOf(r).String() != r.String() {
			t.Errorf("%v is %v here", r, reasonOf(r))
		}
	}
	for r := ReasonNone; r < numReasons; r++ {
		if r.String() == "" {
			t.Errorf("reason %d has no name", r)
		}
	}
	if numReasons.String() != fmt.Sprint("reason ", int(numReasons)) || NUDProbe.String() != "PROBE" || NUD(99).String() != "NONE" {
		t.Error(numReasons, NUDProbe, NUD(99))
	}
}

func TestNextDoesNotAllocate(t *testing.T) {
	l := newLAN(t, nil)
	l.resolve("10.0.0.254", peerMAC)
	for _, dst := range []string{"8.8.8.8", "10.0.0.77", "10.0.0.1", "255.255.255.255"} {
		q := Query{Dst: ip(dst), Src: ip("10.1.0.11")}
		if n := testing.AllocsPerRun(100, func() { l.r.Next(q) }); n != 0 {
			t.Errorf("%s: %v allocations", dst, n)
		}
	}
}

// TestOverlappingWriters: many goroutines set, apply, ask, hold and answer;
// every frame is accounted for.
func TestOverlappingWriters(t *testing.T) {
	l := newLAN(t, nil)
	var wg sync.WaitGroup
	run := func(f func(*rand.Rand, int)) {
		seed := rand.Uint64()
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(seed, 0))
			for i := range 300 {
				f(rng, i)
			}
		})
	}
	for range 2 {
		run(func(rng *rand.Rand, _ int) {
			s := namespace()
			s.Ifaces[0].Up = rng.IntN(4) != 0
			s.Ifaces[0].MAC[4] = byte(rng.IntN(2))
			s.Neighs = []fib.Neigh{{Index: 2, Dst: ip("10.0.0.3"), MAC: otherMAC}}[:rng.IntN(2)]
			s.Addrs = s.Addrs[:1+rng.IntN(4)]
			l.set(s)
		})
		run(func(rng *rand.Rand, _ int) {
			r := namespace().Routes[2]
			r.Dst = netip.PrefixFrom(netip.AddrFrom4([4]byte{8, byte(rng.IntN(3))}), 16)
			l.mirror.Apply([]fib.Change{{Op: fib.Op(rng.IntN(3)), Route: r}})
		})
		run(func(rng *rand.Rand, _ int) {
			h := l.next([]string{"10.0.0.3", "10.0.0.4", "8.1.0.1", "2001:db8::5"}[rng.IntN(4)])
			if h.Verdict == VerdictWait {
				l.r.Hold(h, make([]byte, 64))
			}
			l.r.Neighbors()
		})
		run(func(rng *rand.Rand, _ int) {
			l.reply([]string{"10.0.0.3", "10.0.0.4", "10.0.0.254"}[rng.IntN(3)], [6]byte{2, 0, 0, 0, 9, byte(rng.IntN(3))})
			l.clock.Advance(time.Duration(rng.IntN(1000)) * time.Millisecond)
		})
	}
	wg.Wait()
	l.clock.Advance(10 * second)
	l.r.Close()
	l.settle()
	s := l.r.Stats()
	lost := s.Drops[ReasonQueueFull] + s.Drops[ReasonUnresolved] + s.Drops[ReasonClosed] + s.Drops[ReasonNeighborsFull]
	// A packet that Next dropped for a link that is down was not held; one
	// that Hold dropped for it was.
	if down := s.Drops[ReasonLinkDown]; s.Held < s.Emitted+lost || s.Held > s.Emitted+lost+down {
		t.Errorf("frames are missing: %+v", s)
	}
	l.emitted()
}

func TestNeighborTable(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	tab, want := newNeighborTable(4), map[netip.Addr]*neighbor{}
	for range 5000 {
		b := [16]byte{15: byte(rng.IntN(30))}
		addr := netip.AddrFrom16(b)
		if rng.IntN(2) == 0 {
			addr = netip.AddrFrom4([4]byte(b[12:]))
		}
		if n := want[addr]; n != nil {
			tab.remove(n)
			tab.remove(n)
			delete(want, addr)
		} else {
			n = &neighbor{addr: addr}
			tab.put(n)
			want[addr] = n
		}
		seen := 0
		tab.all(func(n *neighbor) {
			if seen++; want[n.addr] != n || tab.get(n.addr) != n {
				t.Fatalf("seed %d: %v", seed, n.addr)
			}
		})
		if seen != len(want) || tab.len != seen {
			t.Fatalf("seed %d: %d neighbours, %d counted, want %d", seed, seen, tab.len, len(want))
		}
	}
}

func benchNext(b *testing.B, routes int) {
	mirror, wire := NewMirror(), channel.New(64, 1514, "")
	s := namespace()
	s.Neighs = []fib.Neigh{{Index: 2, Dst: ip("10.0.0.254"), MAC: peerMAC}}
	rng := rand.New(rand.NewPCG(1, 1))
	for range routes {
		a := netip.AddrFrom4([4]byte{byte(11 + rng.IntN(200)), byte(rng.Uint32()), byte(rng.Uint32()), 0})
		s.Routes = append(s.Routes, fib.Route{Dst: netip.PrefixFrom(a, 24), Table: fib.TableMain, NextHops: s.Routes[2].NextHops})
	}
	if _, err := mirror.Set(s); err != nil {
		b.Fatal(err)
	}
	r, err := NewRouter(ethernet.New(wire), RouterOptions{MasterIndex: 2, Mirror: mirror, Emit: func(Hop, []byte) {}, Clock: faketime.NewManualClock()})
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	ask := make([]Query, 256)
	for i := range ask {
		ask[i] = Query{Dst: netip.AddrFrom4([4]byte{byte(11 + rng.IntN(200)), byte(rng.Uint32()), byte(rng.Uint32()), 9}), Src: ip("10.1.0.11")}
	}
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		if h := r.Next(ask[i&255]); h.Verdict != VerdictSend {
			b.Fatal(h)
		}
		i++
	}
}

func BenchmarkNext(b *testing.B)        { benchNext(b, 0) }
func BenchmarkNextMillion(b *testing.B) { benchNext(b, 1_000_000) }
