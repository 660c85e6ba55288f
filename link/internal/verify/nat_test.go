package verify

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"testing"

	"github.com/ipvl/ipvl/link"
	"github.com/ipvl/ipvl/link/linktest"
	"github.com/ipvl/ipvl/stack"
	"github.com/ipvl/ipvl/stack/hooks"
	"github.com/ipvl/ipvl/stack/rules"
	"gvisor.dev/gvisor/pkg/tcpip/faketime"
)

const (
	peer4, peer6       = "192.0.2.9", "2001:db8::9"
	service4, service6 = "198.51.100.7", "2001:db8:5::7" // which rules send to the peer, to the host, to a device
)

// netfilter is the netfilter of a host as package link wants it.
type netfilter struct{ *hooks.Engine }

func (n netfilter) Output(frame []byte) ([]byte, link.Hop, link.HookReason) {
	out, hop, r := n.Engine.Output(frame)
	verdicts := map[stack.Verdict]link.HopVerdict{stack.VerdictSend: link.HopSend, stack.VerdictLocal: link.HopLocal}
	return out, link.Hop{Verdict: verdicts[hop.Verdict], Dst: hop.Dst, Src: hop.Src}, reasons[r]
}

func (n netfilter) Input(frame []byte) ([]byte, link.HookReason) {
	out, r := n.Engine.Input(frame)
	return out, reasons[r]
}

var reasons = map[hooks.Reason]link.HookReason{
	hooks.Pass: link.HookPass, hooks.Drop: link.HookDrop, hooks.Host: link.HookHost, hooks.Held: link.HookHeld,
}

// newNetfilter gives a master a netfilter that masquerades what leaves, and sends what is for the service
// where n says. Ports stay what they are unless they are shared with the host.
func newNetfilter(t testing.TB, m *link.Master, n natWay, shared bool) *hooks.Engine {
	t.Helper()
	own := map[bool]netip.Addr{false: netip.MustParseAddr(firstMaster4), true: netip.MustParseAddr(firstMaster6)}
	e, err := hooks.New(hooks.Options{
		Owned: m.Owns,
		Route: func(frame []byte) stack.Hop {
			if q, ok := link.QueryOf(frame); ok && q.Dst == own[q.Dst.Is6()] {
				return stack.Hop{Verdict: stack.VerdictLocal}
			}
			return stack.Hop{Verdict: stack.VerdictSend, Dst: peerMAC, Src: masterMAC, MTU: 1500}
		},
		Source: func(dst netip.Addr) netip.Addr { return own[dst.Is6()] },
		Own:    func(netip.Addr) bool { return shared },
		Clock:  faketime.NewManualClock(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	set := rules.Set{NAT: map[rules.Chain][]rules.Rule{
		rules.ChainPostrouting: {{Action: rules.Action{Kind: rules.KindMasquerade}}},
	}}
	for service, target := range map[string]string{service4: n.target4, service6: n.target6} {
		a := netip.MustParseAddr(service)
		set.NAT[n.chain] = append(set.NAT[n.chain], rules.Rule{
			Match:  rules.Match{Dst: netip.PrefixFrom(a, a.BitLen())},
			Action: rules.Action{Kind: rules.KindDNAT, Addr: netip.MustParseAddr(target)},
		})
	}
	if err := e.Apply(&set); err != nil {
		t.Fatal(err)
	}
	m.SetHooks(netfilter{e})
	return e
}

// ends are the addresses and ports of a packet.
type ends struct {
	udp      bool
	src, dst netip.AddrPort
}

func endsOf(eth []byte) ends {
	p, _ := look(eth)
	ip, l4 := eth[p.l3:], eth[p.l4:]
	a, b := ip[12:16], ip[16:20]
	if p.v6 {
		a, b = ip[8:24], ip[24:40]
	}
	src, _ := netip.AddrFromSlice(a)
	dst, _ := netip.AddrFromSlice(b)
	return ends{p.udp, netip.AddrPortFrom(src, binary.BigEndian.Uint16(l4)), netip.AddrPortFrom(dst, binary.BigEndian.Uint16(l4[2:]))}
}

// translated is a frame with other addresses and ports, whose checksum is as right or as wrong as it was.
func translated(frame []byte, to ends) []byte {
	b := bytes.Clone(frame)
	w, _, _ := split(b)
	eth := b[workLen:]
	p, _ := look(eth)
	field := eth[p.l4+p.csumAt():][:2]
	was := binary.BigEndian.Uint16(field)
	before := p.right(eth)
	at := p.l3 + 12
	if p.v6 {
		at = p.l3 + 8
	}
	n := copy(eth[at:], to.src.Addr().AsSlice())
	copy(eth[at+n:], to.dst.Addr().AsSlice())
	binary.BigEndian.PutUint16(eth[p.l4:], to.src.Port())
	binary.BigEndian.PutUint16(eth[p.l4+2:], to.dst.Port())
	p.header(eth)
	switch {
	case w.flags&needsCsum != 0:
		p.partial(eth)
	case p.udp && was == 0: // there is none
	default:
		c := (uint32(was) + 0xffff - uint32(before) + uint32(p.right(eth))) % 0xffff
		if c == 0 && p.udp {
			c = 0xffff
		}
		binary.BigEndian.PutUint16(field, uint16(c))
	}
	return b
}

// right is the checksum that eth should have.
func (p parts) right(eth []byte) uint16 {
	b := bytes.Clone(eth)
	p.complete(b)
	return binary.BigEndian.Uint16(b[p.l4+p.csumAt():])
}

// natKinds are those of all that have addresses a netfilter can change.
func natKinds(all []kind) (out []kind) {
	for _, k := range all {
		if k.routing != ahead {
			out = append(out, k)
		}
	}
	return out
}

// translations gives what the engine makes of the packets of each connection, by what they were.
func translations(e *hooks.Engine) map[ends]ends {
	all := make(map[ends]ends)
	for _, c := range e.Conns() {
		udp := c.Proto == rules.ProtoUDP
		all[ends{udp, c.Src, c.Dst}] = ends{udp, c.ReplyDst, c.ReplySrc}
		all[ends{udp, c.ReplySrc, c.ReplyDst}] = ends{udp, c.Dst, c.Src}
	}
	return all
}

var natWays = []natWay{
	{
		"device to service on the wire", rules.ChainOutput, peer4, peer6, fromDevice, wireEnd, fromWire,
		way{anyMAC, anyMAC, "10.0.0.11", service4, "fd00::11", service6},
		peerMAC, masterMAC, masterMAC, peerMAC,
	},
	{
		"device to service of the host", rules.ChainOutput, firstMaster4, firstMaster6, fromDevice, hostEnd, fromHost,
		way{anyMAC, peerMAC, "10.0.0.11", service4, "fd00::11", service6},
		masterMAC, peerMAC, masterMAC, masterMAC,
	},
	{
		"wire to service of a device", rules.ChainPrerouting, "10.0.0.11", "fd00::11", fromWire, 0, fromDevice,
		way{masterMAC, peerMAC, peer4, service4, peer6, service6},
		masterMAC, peerMAC, peerMAC, masterMAC,
	},
}

// TestTranslated goes through connection tracking and address translation in l3s, and back, with batches
// and without.
func TestTranslated(t *testing.T) {
	for i, n := range natWays {
		all := n.sent.make(random(t), natKinds(table(0)))
		for _, fs := range featureSets[:3] {
			for _, batches := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, %s, batches %v", n.name, fs.name, batches), func(t *testing.T) {
					t.Parallel()
					x := newWorld(t, link.ModeL3S, link.Hop{}, fs.have, batches)
					e := newNetfilter(t, x.master, n, true)
					testTranslated(t, x, e, i, all)
				})
			}
		}
	}
}

func testTranslated(t *testing.T, x *world, e *hooks.Engine, i int, all []flow) {
	n := natWays[i]
	x.send(n.from, all)
	to := translations(e)
	if len(to) != 2*len(all) {
		t.Fatalf("%d connections of %d flows: %+v", len(to)/2, len(all), e.Stats())
	}
	end := memoryOf(x.ports[n.end])
	want := n.arrives(all, to)
	compare(t, want, end.take(t, want.names))
	end.forget()

	answers := n.answers(all, to)
	x.send(n.to, answers)
	want = n.returns(answers, to)
	start := memoryOf(x.ports[n.from])
	compare(t, want, start.take(t, want.names))
	for j, p := range x.ports {
		if m := memoryOf(p).take(t, nil).count; j != n.from && m > 0 {
			t.Errorf("%d frames went astray to port %d", m, j)
		}
	}
}

// natWay is where frames are translated: where what is sent starts and ends, and where its answers start.
type natWay struct {
	name               string
	chain              rules.Chain
	target4, target6   string
	from, end, to      int
	sent               way
	firstDst, firstSrc linktest.MAC // of what arrives
	backDst, backSrc   linktest.MAC // of the answers
}

// entering is what is done first to a frame: what a device sends is mended, what comes over the wire is
// tidied, and the host's is left alone.
func entering(from int) func([]byte) []byte {
	switch from {
	case fromDevice:
		return mended
	case fromWire:
		return tidied
	}
	return bytes.Clone
}

// arrives is what has to arrive of all.
func (n natWay) arrives(all []flow, to map[ends]ends) *flows {
	return become(all, func(f []byte) []byte {
		return addressed(translated(entering(n.from)(f), to[endsOf(f[workLen:])]), n.firstDst, n.firstSrc)
	})
}

// answers are flows turned round.
func (n natWay) answers(all []flow, to map[ends]ends) (answers []flow) {
	for _, f := range all {
		y := flow{name: f.name, port: f.port}
		for _, one := range f.frames {
			a := to[endsOf(one[workLen:])]
			y.frames = append(y.frames, addressed(translated(one, ends{a.udp, a.dst, a.src}), n.backDst, n.backSrc))
		}
		answers = append(answers, y)
	}
	return answers
}

// returns is what has to arrive of answers.
func (n natWay) returns(answers []flow, to map[ends]ends) *flows {
	return become(answers, func(f []byte) []byte {
		return addressed(translated(entering(n.to)(f), to[endsOf(f[workLen:])]), n.backDst, n.backSrc)
	})
}

// forget throws away what came.
func (m *memory) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.frames = nil
}
