package hooks

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/ipvl/ipvl/stack/rules"
)

func TestConnectionsAreBounded(t *testing.T) {
	k := newKit(t, masquerade(), func(o *Options) { o.MaxConns = 3 })
	for port := uint16(62000); port < 62003; port++ {
		k.out(spec{proto: protoUDP, src: at("10.1.0.11", port), dst: "192.0.2.9:53"}, "udp "+at("10.0.0.1", port)+" > 192.0.2.9:53")
	}
	k.out(spec{proto: protoUDP, src: "10.1.0.12:62003", dst: "192.0.2.9:53"}, "drop")
	k.in(spec{proto: protoUDP, src: "192.0.2.9:53", dst: "10.0.0.1:62001"}, "udp 192.0.2.9:53 > 10.1.0.11:62001")
	if s := k.e.Stats(); s.TableFull != 1 || s.Conns != 3 {
		t.Errorf("%+v", s)
	}
	// What times out makes room.
	k.clock.Advance(otherTimeout + sweepEvery + time.Second)
	if s := k.e.Stats(); s.Conns != 0 {
		t.Errorf("%+v", s)
	}
	k.out(spec{proto: protoUDP, src: "10.1.0.12:62003", dst: "192.0.2.9:53"}, "udp 10.0.0.1:62003 > 192.0.2.9:53")
}

// A connection in use lives; one of TCP that is established lives for days, and
// one that was closed for two minutes.
func TestTimeouts(t *testing.T) {
	k := newKit(t, masquerade(), nil)
	udp := spec{proto: protoUDP, src: "10.1.0.11:62000", dst: "192.0.2.9:53"}
	k.out(udp, "udp 10.0.0.1:62000 > 192.0.2.9:53")
	k.handshake()
	for range 20 {
		k.clock.Advance(minute)
		k.out(udp, "udp 10.0.0.1:62000 > 192.0.2.9:53")
	}
	for _, c := range k.e.Conns() {
		if c.Proto == protoUDP && c.Packets[original] != 21 {
			t.Errorf("a connection in use was opened again: %+v", c)
		}
	}
	k.in(spec{proto: protoUDP, src: "192.0.2.9:53", dst: "10.0.0.1:62000"}, "udp 192.0.2.9:53 > 10.1.0.11:62000")
	k.clock.Advance(3 * minute)
	k.in(spec{proto: protoUDP, src: "192.0.2.9:53", dst: "10.0.0.1:62000"}, "host")
	k.clock.Advance(60 * minute)
	k.in(spec{proto: protoTCP, src: "192.0.2.9:80", dst: "10.0.0.1:62000", flags: tcpACK, seq: 101, ack: 1}, "tcp 192.0.2.9:80 > 10.1.0.11:62000")
	k.in(spec{proto: protoTCP, src: "192.0.2.9:80", dst: "10.0.0.1:62000", flags: tcpRST, seq: 101}, "tcp 192.0.2.9:80 > 10.1.0.11:62000")
	k.clock.Advance(3 * minute)
	k.expectConns()
	if k.e.watching.Load() {
		t.Error("the sweeper runs on")
	}
}

// A connection that both ends closed is over after two minutes.
func TestClosedConnectionsTimeOut(t *testing.T) {
	k := newKit(t, masquerade(), nil)
	k.handshake()
	dev, peer, host := "10.1.0.11:62000", "192.0.2.9:80", "10.0.0.1:62000"
	k.out(spec{proto: protoTCP, src: dev, dst: peer, flags: tcpFIN | tcpACK, seq: 1, ack: 101}, "tcp "+host+" > "+peer)
	k.in(spec{proto: protoTCP, src: peer, dst: host, flags: tcpFIN | tcpACK, seq: 101, ack: 2}, "tcp "+peer+" > "+dev)
	k.out(spec{proto: protoTCP, src: dev, dst: peer, flags: tcpACK, seq: 2, ack: 102}, "tcp "+host+" > "+peer)
	k.clock.Advance(3 * minute)
	k.expectConns()
}

// handshake establishes 10.1.0.11:62000 > 192.0.2.9:80.
func (k *kit) handshake() {
	k.Helper()
	k.out(spec{proto: protoTCP, src: "10.1.0.11:62000", dst: "192.0.2.9:80", flags: tcpSYN}, "tcp 10.0.0.1:62000 > 192.0.2.9:80")
	k.in(spec{proto: protoTCP, src: "192.0.2.9:80", dst: "10.0.0.1:62000", flags: tcpSYN | tcpACK, seq: 100, ack: 1}, "tcp 192.0.2.9:80 > 10.1.0.11:62000")
	k.out(spec{proto: protoTCP, src: "10.1.0.11:62000", dst: "192.0.2.9:80", flags: tcpACK, seq: 1, ack: 101}, "tcp 10.0.0.1:62000 > 192.0.2.9:80")
}

func TestConns(t *testing.T) {
	k := newKit(t, masquerade(), nil)
	k.handshake()
	k.expectConns("tcp 10.1.0.11:62000 192.0.2.9:80 192.0.2.9:80 10.0.0.1:62000")
	c := k.e.Conns()[0]
	if !c.Replied || !c.Alive || c.Expires != aliveTimeout || c.Packets != [2]uint64{2, 1} || c.Bytes != [2]uint64{84, 44} {
		t.Errorf("%+v", c)
	}
}

// TestOverlappingCallers: devices, the uplink and Apply at once; every answer
// comes back to who asked.
func TestOverlappingCallers(t *testing.T) {
	k := newKit(t, masquerade(), func(o *Options) { o.Clock, o.Route = nil, nopRoute })
	var wg sync.WaitGroup
	for dev := range 4 {
		seed := rand.Uint64()
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(seed, 0))
			for range 400 {
				src := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, 0, byte(dev)}), uint16(1+rng.IntN(60)))
				proto := []uint8{protoTCP, protoUDP}[rng.IntN(2)]
				f, _, r := k.e.Output(spec{proto: proto, src: src.String(), dst: "192.0.2.9:53", flags: tcpSYN}.build())
				if r != Pass {
					t.Error("out:", r)
					return
				}
				sums(t, f)
				f, r = k.e.Input(spec{proto: proto, src: "192.0.2.9:53", dst: at("10.0.0.1", portOf(f)), flags: tcpSYN | tcpACK, ack: 1}.build())
				if r != Pass || show(f) != protoNames[proto]+" 192.0.2.9:53 > "+src.String() {
					t.Errorf("in: %v", r)
					return
				}
				sums(t, f)
			}
		})
	}
	wg.Go(func() {
		for i := range 100 {
			s := masquerade()
			if i%2 == 0 {
				s.Filter = established().Filter
			}
			if err := k.e.Apply(&s); err != nil {
				t.Error(err)
			}
			k.e.Snapshot()
			k.e.Conns()
		}
	})
	wg.Wait()
	if n := len(k.e.Conns()); int64(n) != k.e.flows.count.Load() || n > 480 {
		t.Errorf("%d connections, %d counted", n, k.e.flows.count.Load())
	}
}

// The first packets of one connection, from two goroutines at once.
func TestOneConnectionOpenedTwice(t *testing.T) {
	k := newKit(t, masquerade(), func(o *Options) { o.Clock, o.Route = nil, nopRoute })
	for i := range 200 {
		s := spec{proto: protoUDP, src: at("10.1.0.11", uint16(i+1)), dst: "192.0.2.9:53"}
		var ports [2]uint16
		var wg sync.WaitGroup
		for j := range ports {
			wg.Go(func() {
				f, _, r := k.e.Output(s.build())
				if r == Pass {
					ports[j] = portOf(f)
				}
			})
		}
		wg.Wait()
		if ports[0] != ports[1] || ports[0] < FirstPort {
			t.Fatalf("ports %v", ports)
		}
	}
}

func TestClose(t *testing.T) {
	k := newKit(t, masquerade(), nil)
	k.handshake()
	for range 2 {
		if err := k.e.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := k.e.Apply(&rules.Set{}); err == nil {
		t.Error("a closed engine took rules")
	}
	// A frame that was on its way ends well.
	k.in(spec{proto: protoTCP, src: "192.0.2.9:80", dst: "10.0.0.1:62000", flags: tcpACK, payload: 9}, "tcp 192.0.2.9:80 > 10.1.0.11:62000")
	k.clock.Advance(time.Hour)
}

func TestNewRefuses(t *testing.T) {
	for want, o := range map[error]Options{ErrNoOwned: {Route: nopRoute}, ErrNoRoute: {Owned: owned}} {
		if e, err := New(o); e != nil || err == nil || err.Error() != "new engine: "+want.Error() {
			t.Errorf("%v, want %v", err, want)
		}
	}
}

// fuzzSeeds are frames of every kind.
func fuzzSeeds(f *testing.F) {
	udp := spec{proto: protoUDP, src: "192.0.2.9:53", dst: "10.0.0.1:99", payload: 40}
	about := udp.build()[vnetLen+ethLen:]
	for _, s := range []spec{
		udp, {proto: protoTCP, src: "10.1.0.11:62000", dst: "192.0.2.9:80", flags: tcpSYN, payload: 3},
		{proto: protoTCP, src: "[2001:db8:1::11]:1", dst: "[2001:db8:9::9]:80", flags: tcpACK, payload: 3000, partial: true, gso: 1200},
		{proto: protoICMP, icmp: 8, src: "10.1.0.11:1", dst: "192.0.2.9"}, {proto: protoICMPv6, icmp: 129, src: "2001:db8:9::9", dst: "[2001:db8:1::11]:1"},
		{proto: protoICMP, icmp: 3, src: "192.0.2.9", dst: "10.0.0.1", about: about}, {proto: 47, src: "192.0.2.9", dst: "10.1.0.11", payload: 8},
	} {
		f.Add(s.build(), uint8(0))
	}
	for i, s := range []spec{udp, {proto: protoUDP, src: "[2001:db8:1::11]:1", dst: "[2001:db8:9::9]:80", payload: 40}} {
		for _, p := range fragments(s.build(), 16, 1) {
			f.Add(p, uint8(i))
		}
	}
}

// FuzzHooks gives an Engine any frame, as often as it likes, in both
// directions: no panic, the length kept, no checksum spoilt, and memory bounded.
func FuzzHooks(f *testing.F) {
	fuzzSeeds(f)
	s := masquerade()
	s.NAT[rules.ChainPrerouting] = []rules.Rule{dnat(rules.Match{Proto: protoUDP, Dst: prefix("10.0.0.1/32")}, "10.1.0.11", rules.Ports{Lo: 7, Hi: 9})}
	s.NAT[rules.ChainOutput] = []rules.Rule{dnat(rules.Match{Dst: prefix("2001:db8:9::/48")}, "2001:db8:8::8", rules.Ports{})}
	s.Filter = map[rules.Chain][]rules.Rule{rules.ChainInput: {verdict(rules.KindDrop, states(rules.StateInvalid))}}
	k := newKit(f, s, func(o *Options) { o.MaxConns, o.Route, o.Clock = 64, nopRoute, nil })
	f.Fuzz(func(t *testing.T, frame []byte, how uint8) {
		valid := intact(frame)
		for i := range 3 {
			b := append([]byte(nil), frame...)
			var out []byte
			var r Reason
			if (int(how)+i)%2 == 0 {
				out, _, r = k.e.Output(b)
			} else {
				out, r = k.e.Input(b)
			}
			if (out != nil) != (r == Pass || r == Host) {
				t.Fatalf("%v with %d bytes", r, len(out))
			}
			if out != nil && &out[0] == &b[0] && (len(out) != len(frame) || valid && !intact(out)) {
				t.Fatalf("%d bytes of %d, or a checksum is wrong", len(out), len(frame))
			}
			if out != nil {
				k.e.Restore(out)
			}
		}
		_, _, memory := k.waiting()
		if n := k.e.flows.count.Load(); n > 64 || n < 0 || memory > fragMemory {
			t.Fatalf("%d connections, %d bytes of fragments", n, memory)
		}
	})
}

// intact reports whether the IPv4 header's checksum holds; true for others.
func intact(f []byte) bool {
	var p packet
	if !p.parse(f) || p.v6 {
		return true
	}
	return sum16(f[p.l3:p.l4]) == 0xffff && (p.class != classTracked || p.proto != protoTCP || f[0]&flagNeedsCsum != 0 || intactTCP(&p))
}

func intactTCP(p *packet) bool {
	b := binary.BigEndian.AppendUint16([]byte{0, protoTCP}, uint16(p.end-p.l4))
	b = append(b, p.frame[p.l3+12:p.l3+20]...)
	return sum16(append(b, p.frame[p.l4:p.end]...)) == 0xffff
}
