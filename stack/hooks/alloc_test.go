package hooks

import "testing"

// A packet of a connection that is open costs no allocation, but for TCP the
// two that gVisor makes to look at headers through interfaces.
func TestSteadyStateDoesNotAllocate(t *testing.T) {
	k := newKit(t, masquerade(), func(o *Options) { o.Route = nopRoute })
	k.hop = nopRoute(nil)
	k.apply(benchRules())
	k.handshake()
	k.e.Output(spec{proto: protoUDP, src: "10.1.0.11:62000", dst: "192.0.2.9:53"}.build())
	k.e.Input(spec{proto: protoUDP, src: "192.0.2.9:53", dst: "10.0.0.1:62000"}.build())
	for name, c := range map[string]struct {
		out, in spec
		max     float64
	}{
		"udp": {spec{proto: protoUDP, src: "10.1.0.11:62000", dst: "192.0.2.9:53", payload: 9}, spec{proto: protoUDP, src: "192.0.2.9:53", dst: "10.0.0.1:62000", payload: 9}, 0},
		"tcp": {spec{proto: protoTCP, src: "10.1.0.11:62000", dst: "192.0.2.9:80", flags: tcpACK, seq: 1, ack: 101, payload: 1000}, spec{proto: protoTCP, src: "192.0.2.9:80", dst: "10.0.0.1:62000", flags: tcpACK, seq: 101, ack: 1, payload: 1000}, 2},
	} {
		for way, s := range map[string]spec{"out": c.out, "in": c.in} {
			sent := s.build()
			f := make([]byte, len(sent))
			n := testing.AllocsPerRun(200, func() {
				copy(f, sent)
				r := Pass
				if way == "out" {
					_, _, r = k.e.Output(f)
				} else {
					_, r = k.e.Input(f)
				}
				if r != Pass {
					t.Fatal(r)
				}
			})
			if n > c.max {
				t.Errorf("%s %s: %v allocations, want %v", name, way, n, c.max)
			}
		}
	}
}
