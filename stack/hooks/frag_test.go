package hooks

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/ipvl/ipvl/stack/rules"
)

// fragments cuts the IP packet of a finished frame into pieces of n bytes.
func fragments(f []byte, n int, id uint32) [][]byte {
	l3, l4, end, v6, proto := where(f)
	var out [][]byte
	for off := 0; off < end-l4; off += n {
		data, more := f[l4+off:end], uint16(0)
		if len(data) > n {
			data, more = data[:n], 1
		}
		p := append([]byte(nil), f[:l4]...)
		if v6 {
			p[l3+6] = protoFragment
			binary.BigEndian.PutUint16(p[l3+4:], uint16(8+len(data)))
			p = append(p, proto, 0, 0, 0)
			binary.BigEndian.PutUint16(p[l4+2:], uint16(off)|more)
			p = binary.BigEndian.AppendUint32(p, id)
		} else {
			binary.BigEndian.PutUint16(p[l3+2:], uint16(l4-l3+len(data)))
			binary.BigEndian.PutUint16(p[l3+4:], uint16(id))
			binary.BigEndian.PutUint16(p[l3+6:], uint16(off/8)|more<<13)
			clear(p[l3+10 : l3+12])
			binary.BigEndian.PutUint16(p[l3+10:], ^sum16(p[l3:l4]))
		}
		out = append(out, append(p, data...))
	}
	return out
}

// gather gives all fragments but the last, which must be held, and returns what
// the last one makes.
func (k *kit) gather(parts [][]byte) []byte {
	k.Helper()
	for _, f := range parts[:len(parts)-1] {
		if out, r := k.e.Input(f); out != nil || r != Held {
			k.Fatalf("%v, want held", r)
		}
	}
	out, r := k.e.Input(parts[len(parts)-1])
	if r != Pass {
		k.Fatal(r)
	}
	return out
}

func TestFragmentsIn(t *testing.T) {
	for name, c := range families {
		t.Run(name, func(t *testing.T) {
			k := newKit(t, nat(rules.ChainPrerouting, dnat(rules.Match{Proto: protoUDP}, c.dev, rules.Ports{Lo: 7, Hi: 7})), nil)
			sent := spec{proto: protoUDP, src: at(c.peer, 1000), dst: at(c.host, 99), payload: 3000}.build()
			for range 20 {
				parts := fragments(sent, 512, rand.Uint32())
				rand.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
				parts = append([][]byte{bytes.Clone(parts[0])}, parts...) // one of them twice
				out := k.gather(parts)
				sums(t, out)
				if got := show(out); got != "udp "+at(c.peer, 1000)+" > "+at(c.dev, 7) || len(out) != len(sent) {
					t.Fatalf("%s, %d bytes of %d", got, len(out), len(sent))
				}
				_, l4, _, _, _ := where(sent)
				if !bytes.Equal(out[l4+udpLen:], sent[l4+udpLen:]) {
					t.Fatal("another payload")
				}
			}
			if _, _, n := k.waiting(); n != 0 {
				t.Errorf("%d bytes kept", n)
			}
		})
	}
}

// Without rules IPv4 is reassembled for a device, not for the host, and IPv6
// delivered as it is.
func TestFragmentsWithoutRules(t *testing.T) {
	k := newKit(t, rules.Set{}, nil)
	k.gather(fragments(spec{proto: protoUDP, src: "192.0.2.9:1", dst: "10.1.0.11:1", payload: 3000}.build(), 1480, 1))
	for dst, want := range map[string]Reason{"10.0.0.1:1": Host, "[2001:db8:1::11]:1": Pass, "[2001:db8::1]:1": Host} {
		src := "192.0.2.9:1"
		if want == Pass || dst[0] == '[' {
			src = "[2001:db8:9::9]:1"
		}
		for _, f := range fragments(spec{proto: protoUDP, src: src, dst: dst, payload: 3000}.build(), 1232, 1) {
			if out, r := k.e.Input(bytes.Clone(f)); r != want || !bytes.Equal(out, f) {
				t.Errorf("to %s: %v, want %v", dst, r, want)
			}
		}
	}
	sent := fragments(spec{proto: protoUDP, src: "10.1.0.11:1", dst: "192.0.2.9:1", payload: 3000}.build(), 1480, 1)
	if out, _, r := k.e.Output(sent[0]); r != Pass || !bytes.Equal(out, sent[0]) {
		t.Errorf("out: %v", r)
	}
}

func TestFragmentsOut(t *testing.T) {
	k := newKit(t, masquerade(), nil)
	sent := spec{proto: protoUDP, src: "10.1.0.11:62000", dst: "192.0.2.9:53", payload: 3000}.build()
	parts := fragments(sent, 1480, 77)
	for _, f := range parts[:2] {
		if out, _, r := k.e.Output(f); out != nil || r != Held {
			t.Fatal(r)
		}
	}
	out, _, r := k.e.Output(parts[2])
	if r != Pass || show(out) != "udp 10.0.0.1:62000 > 192.0.2.9:53" || len(out) != len(sent) {
		t.Fatal(r, show(out))
	}
	sums(t, out)
}

// IPv6 fragments of a device leave one by one, each translated as the first.
func TestFragmentsOutIPv6(t *testing.T) {
	k := newKit(t, masquerade(), func(o *Options) { o.Route = nopRoute })
	sent := spec{proto: protoUDP, src: "[2001:db8:1::11]:62000", dst: "[2001:db8:9::9]:53", payload: 3000}.build()
	want := spec{proto: protoUDP, src: "[2001:db8::1]:62000", dst: "[2001:db8:9::9]:53", payload: 3000}.build()
	for i, f := range fragments(sent, 1232, 5) {
		if out, _, r := k.e.Output(f); r != Pass || !bytes.Equal(out, fragments(want, 1232, 5)[i]) {
			t.Fatalf("fragment %d: %v\n%x\n%x", i, r, out[:90], fragments(want, 1232, 5)[i][:90])
		}
	}
	if _, _, r := k.e.Output(fragments(sent, 1232, 6)[1]); r != Drop {
		t.Errorf("a later fragment without the first: %v", r)
	}
	drop := filter(rules.ChainOutput, rules.KindDrop)
	k.apply(drop)
	for i, f := range fragments(sent, 1232, 7) {
		if _, _, r := k.e.Output(f); r != Drop {
			t.Errorf("fragment %d: %v", i, r)
		}
	}
}

func TestOverlapTakesThePacketAlong(t *testing.T) {
	k := newKit(t, rules.Set{}, nil)
	sent := spec{proto: protoUDP, src: "192.0.2.9:1", dst: "10.1.0.11:1", payload: 3000}.build()
	a, b := fragments(sent, 1480, 1), fragments(sent, 1000, 1)
	if _, r := k.e.Input(a[0]); r != Held {
		t.Fatal(r)
	}
	if _, r := k.e.Input(b[1]); r != Drop {
		t.Fatal(r)
	}
	for _, f := range a[1:] {
		if _, r := k.e.Input(f); r != Held {
			t.Error(r)
		}
	}
	if s := k.e.Stats(); s.FragDropped != 1 {
		t.Errorf("%+v", s)
	}
}

func TestFragmentsAreBounded(t *testing.T) {
	k := newKit(t, rules.Set{}, nil)
	sent := spec{proto: protoUDP, src: "192.0.2.9:1", dst: "10.1.0.11:1", payload: 3000}.build()
	for id := range uint32(20000) {
		k.e.Input(fragments(sent, 1480, id)[id%2])
		if _, _, memory := k.waiting(); memory > fragMemory {
			t.Fatalf("%d bytes", memory)
		}
	}
	if n, order, _ := k.waiting(); n < 2000 || n > 3000 || order != n {
		t.Errorf("%d packets wait, %d in order", n, order)
	}
	k.clock.Advance(fragTimeout + 1)
	k.e.Input(fragments(sent, 1480, 1)[0])
	if n, _, memory := k.waiting(); n != 1 || memory > 2000 {
		t.Errorf("after the timeout %d packets wait, %d bytes", n, memory)
	}
}

// waiting is how many packets wait for fragments, also by the list of their
// ages, and what they take.
func (k *kit) waiting() (packets, order, memory int) {
	r := &k.e.whole
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.open), len(r.order), r.memory
}
