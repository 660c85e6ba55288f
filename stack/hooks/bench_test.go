package hooks

import (
	"testing"

	"github.com/ipvl/ipvl/stack"
	"github.com/ipvl/ipvl/stack/rules"
)

// benchKit has masquerade and an input policy that knows answers only, and one
// established TCP connection and one of UDP.
func benchKit(b *testing.B, s rules.Set) *kit {
	k := newKit(b, s, func(o *Options) {
		o.Clock = nil
		o.Route = func([]byte) stack.Hop { return stack.Hop{Verdict: stack.VerdictSend, MTU: 1500} }
	})
	k.out(spec{proto: protoTCP, src: "10.1.0.11:62000", dst: "192.0.2.9:80", flags: tcpSYN}, "tcp 10.0.0.1:62000 > 192.0.2.9:80")
	k.in(spec{proto: protoTCP, src: "192.0.2.9:80", dst: "10.0.0.1:62000", flags: tcpSYN | tcpACK, ack: 1}, "tcp 192.0.2.9:80 > 10.1.0.11:62000")
	k.out(spec{proto: protoTCP, src: "10.1.0.11:62000", dst: "192.0.2.9:80", flags: tcpACK, seq: 1, ack: 1}, "tcp 10.0.0.1:62000 > 192.0.2.9:80")
	k.out(spec{proto: protoUDP, src: "10.1.0.11:62000", dst: "192.0.2.9:53"}, "udp 10.0.0.1:62000 > 192.0.2.9:53")
	return k
}

func benchRules() rules.Set {
	s := masquerade()
	s.Filter = map[rules.Chain][]rules.Rule{rules.ChainInput: {verdict(rules.KindAccept, rules.Match{States: []rules.State{rules.StateEstablished, rules.StateRelated}})}}
	s.Policy = map[rules.Chain]string{rules.ChainInput: rules.KindDrop}
	return s
}

func BenchmarkHooks(b *testing.B) {
	out := map[string]spec{
		"TCP64K":  {proto: protoTCP, src: "10.1.0.11:62000", dst: "192.0.2.9:80", flags: tcpACK, seq: 1, ack: 1, payload: 65000, partial: true, gso: 1448},
		"TCP1500": {proto: protoTCP, src: "10.1.0.11:62000", dst: "192.0.2.9:80", flags: tcpACK, seq: 1, ack: 1, payload: 1448},
		"UDP18":   {proto: protoUDP, src: "10.1.0.11:62000", dst: "192.0.2.9:53", payload: 18},
	}
	in := map[string]spec{
		"TCP64K":  {proto: protoTCP, src: "192.0.2.9:80", dst: "10.0.0.1:62000", flags: tcpACK, seq: 1, ack: 1, payload: 65000, partial: true, gso: 1448},
		"TCP1500": {proto: protoTCP, src: "192.0.2.9:80", dst: "10.0.0.1:62000", flags: tcpACK, seq: 1, ack: 1, payload: 1448},
		"UDP18":   {proto: protoUDP, src: "192.0.2.9:53", dst: "10.0.0.1:62000", payload: 18},
	}
	for _, name := range []string{"TCP64K", "TCP1500", "UDP18"} {
		b.Run("Output/"+name, func(b *testing.B) {
			k := benchKit(b, benchRules())
			run(b, out[name].build(), func(f []byte) Reason { _, _, r := k.e.Output(f); return r })
		})
		b.Run("Input/"+name, func(b *testing.B) {
			k := benchKit(b, benchRules())
			run(b, in[name].build(), func(f []byte) Reason { _, r := k.e.Input(f); return r })
		})
		b.Run("NoRules/"+name, func(b *testing.B) {
			k := newKit(b, rules.Set{}, func(o *Options) { o.Route = func([]byte) stack.Hop { return stack.Hop{} } })
			run(b, out[name].build(), func(f []byte) Reason { _, _, r := k.e.Output(f); return r })
		})
	}
}

func run(b *testing.B, sent []byte, pass func([]byte) Reason) {
	head := min(len(sent), 128)
	f := append([]byte(nil), sent...)
	b.ReportAllocs()
	for b.Loop() {
		copy(f[:head], sent[:head]) // the headers, which are patched
		if r := pass(f); r != Pass {
			b.Fatal(r)
		}
	}
}

// BenchmarkOpen is the first packet of a masqueraded connection.
func BenchmarkOpen(b *testing.B) {
	k := newKit(b, masquerade(), func(o *Options) { o.Clock, o.Route, o.MaxConns = nil, nopRoute, 1<<20 })
	f := spec{proto: protoUDP, src: "10.1.0.11:62000", dst: "192.0.2.9:53", payload: 18, noSum: true}.build()
	sent := append([]byte(nil), f...)
	b.ReportAllocs()
	for i := 0; i < b.N; i++ {
		if i%(1<<20) == 1<<20-1 {
			b.StopTimer() // the table is full: another engine
			k = newKit(b, masquerade(), func(o *Options) { o.Clock, o.Route, o.MaxConns = nil, nopRoute, 1<<20 })
			b.StartTimer()
		}
		copy(f, sent)
		f[vnetLen+ethLen+17], f[vnetLen+ethLen+18], f[vnetLen+ethLen+19] = byte(i>>16), byte(i>>8), byte(i)
		if _, _, r := k.e.Output(f); r != Pass {
			b.Fatal(r)
		}
	}
}
