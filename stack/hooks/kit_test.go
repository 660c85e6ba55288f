package hooks

import (
	"bytes"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"gvisor.dev/gvisor/pkg/refs"
	"gvisor.dev/gvisor/pkg/tcpip/faketime"

	"github.com/ipvl/ipvl/stack"
	"github.com/ipvl/ipvl/stack/rules"
)

func TestMain(m *testing.M) {
	refs.SetLeakMode(refs.LeaksPanic)
	code := m.Run()
	refs.DoLeakCheck()
	os.Exit(code)
}

func ip(s string) netip.Addr       { return netip.MustParseAddr(s) }
func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

// kit is an Engine of a host that is 10.0.0.1 and 2001:db8::1, with devices in
// 10.1.0.0/16 and 2001:db8:1::/48, and a clock that stands still.
type kit struct {
	testing.TB
	e      *Engine
	clock  *faketime.ManualClock
	hop    stack.Hop
	routed []string // what Route was asked
}

func newKit(t testing.TB, s rules.Set, change func(*Options)) *kit {
	t.Helper()
	k := &kit{TB: t, clock: faketime.NewManualClock(), hop: stack.Hop{Verdict: stack.VerdictSend, MTU: 1500}}
	o := Options{
		Owned: owned, Clock: k.clock, Dev: "m0",
		Route: func(f []byte) stack.Hop {
			k.routed = append(k.routed, show(f))
			return k.hop
		},
		Source: func(dst netip.Addr) netip.Addr {
			if dst.Is4() {
				return ip("10.0.0.1")
			}
			return ip("2001:db8::1")
		},
	}
	if change != nil {
		change(&o)
	}
	e, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	k.e = e
	if err := e.Apply(&s); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return k
}

func owned(a netip.Addr) bool {
	return prefix("10.1.0.0/16").Contains(a) || prefix("2001:db8:1::/48").Contains(a)
}

// out sends a packet of a device; want is what leaves, or a Reason's name.
func (k *kit) out(s spec, want string) []byte {
	k.Helper()
	sent := s.build()
	f, hop, r := k.e.Output(bytes.Clone(sent))
	k.compare("out", sent, f, r, want)
	if r == Pass && hop != k.hop {
		k.Errorf("hop %+v", hop)
	}
	return f
}

// in lets a packet come from the wire; want is what a device gets, or a
// Reason's name.
func (k *kit) in(s spec, want string) []byte {
	k.Helper()
	sent := s.build()
	f, r := k.e.Input(bytes.Clone(sent))
	k.compare("in", sent, f, r, want)
	if r == Host && !bytes.Equal(f, sent) {
		k.Errorf("the host's frame was changed: %s", show(f))
	}
	return f
}

func (k *kit) compare(what string, sent, f []byte, r Reason, want string) {
	k.Helper()
	got := r.String()
	if r == Pass {
		got = show(f)
		sums(k, f)
		if len(f) != len(sent) || !bytes.Equal(f[:vnetLen], sent[:vnetLen]) {
			k.Errorf("length or virtio-net header changed: %d %x, want %d %x", len(f), f[:vnetLen], len(sent), sent[:vnetLen])
		}
	}
	if want == "" {
		want = show(sent)
	}
	if r == Pass && strings.Contains(want, unknown) {
		// The port is whatever the engine chose.
		want = strings.Replace(want, unknown, strconv.Itoa(int(portOf(f))), 1)
	}
	if got != want {
		k.Fatalf("%s %s: %s, want %s", what, show(sent), got, want)
	}
}

// conns lists the tracked connections, sorted.
func (k *kit) conns() []string {
	var out []string
	for _, c := range k.e.Conns() {
		out = append(out, strings.Join([]string{protoNames[c.Proto], c.Src.String(), c.Dst.String(), c.ReplySrc.String(), c.ReplyDst.String()}, " "))
	}
	slices.Sort(out)
	return out
}

func (k *kit) expectConns(want ...string) {
	k.Helper()
	if got := k.conns(); !slices.Equal(got, want) {
		k.Fatalf("tracked: %q, want %q", got, want)
	}
}

func nat(c rules.Chain, rs ...rules.Rule) rules.Set {
	return rules.Set{NAT: map[rules.Chain][]rules.Rule{c: rs}}
}

func masquerade() rules.Set {
	return nat(rules.ChainPostrouting, rules.Rule{Action: rules.Action{Kind: rules.KindMasquerade}})
}

func dnat(m rules.Match, to string, ports rules.Ports) rules.Rule {
	return rules.Rule{Match: m, Action: rules.Action{Kind: rules.KindDNAT, Addr: ip(to), Ports: ports}}
}

func filter(c rules.Chain, policy string, rs ...rules.Rule) rules.Set {
	return rules.Set{Filter: map[rules.Chain][]rules.Rule{c: rs}, Policy: map[rules.Chain]string{c: policy}}
}

func verdict(kind string, m rules.Match) rules.Rule {
	return rules.Rule{Match: m, Action: rules.Action{Kind: kind}}
}

// unknown stands in for a source port that is not known beforehand.
const unknown = "54321"

const minute = time.Minute

// portOf is the source port, or identifier, of what left.
func portOf(f []byte) uint16 {
	var p packet
	p.parse(f)
	return p.tuple.sport()
}

func nopRoute([]byte) stack.Hop { return stack.Hop{Verdict: stack.VerdictSend} }
