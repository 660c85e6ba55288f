package fib

import (
	"encoding/binary"
	"net/netip"
	"testing"
)

// taker makes values of a fuzzer's bytes; zeroes when they are used up.
type taker struct{ b []byte }

func (f *taker) byte() byte {
	if len(f.b) == 0 {
		return 0
	}
	v := f.b[0]
	f.b = f.b[1:]
	return v
}

func (f *taker) u32() uint32 {
	return binary.BigEndian.Uint32([]byte{f.byte(), f.byte(), f.byte(), f.byte()})
}

func (f *taker) addr() netip.Addr {
	switch f.byte() % 5 {
	case 0:
		return netip.Addr{}
	case 1:
		return netip.AddrFrom16([16]byte{10: 0xff, 11: 0xff, 12: 10, 15: f.byte()})
	case 2:
		return netip.AddrFrom16([16]byte{0xfe, 0x80, 15: f.byte()}).WithZone("m0")
	case 3:
		return netip.AddrFrom16([16]byte{f.byte(), f.byte(), 15: f.byte()})
	}
	return netip.AddrFrom4([4]byte{f.byte(), f.byte(), f.byte(), f.byte()})
}

func (f *taker) prefix() netip.Prefix {
	p := netip.PrefixFrom(f.addr(), int(f.byte())-1)
	if f.byte()%4 != 0 {
		p = p.Masked()
	}
	return p
}

func (f *taker) route() Route {
	r := Route{
		Dst: f.prefix(), Table: uint32(f.byte()), Type: Type(f.byte() % 12), Metric: f.u32(), TOS: f.byte(), Pref: f.byte(), MTU: f.u32(),
	}
	if f.byte()%4 == 0 {
		r.Src, r.PrefSrc = f.prefix(), f.addr()
	}
	for range f.byte() % 4 {
		flags := f.byte()
		r.NextHops = append(r.NextHops, NextHop{
			Index: int(f.byte() % 4), Via: f.addr(), Weight: int(int32(f.u32())), Dead: flags&1 != 0, LinkDown: flags&2 != 0,
		})
	}
	return r
}

func (f *taker) rule() Rule {
	return Rule{
		Family: int(f.byte() % 8), Priority: uint32(f.byte() % 8), Invert: f.byte()&1 != 0, Src: f.prefix(), Dst: f.prefix(),
		TOS: f.byte(), Mark: f.u32(), MarkMask: f.u32(), IPProto: f.byte() % 2, Action: Action(f.byte() % 8), Table: uint32(f.byte()),
		Goto: uint32(f.byte() % 8), SuppressPrefixLen: int(int8(f.byte())), SuppressGroup: int(int8(f.byte())), L3MDev: f.byte()&1 != 0,
		OIF: []string{"", "", "m0", "gone"}[f.byte()%4],
	}
}

// FuzzTable: no snapshot, change or query makes it panic; what was applied
// looks up as what was compiled; an answer that sends says where.
func FuzzTable(f *testing.F) {
	f.Add([]byte{}, []byte{})
	f.Add([]byte("\x02\x02\x04\x0a\x00\x00\x00\x09\x01\xfe\x00some routes and rules of a namespace"), []byte("\x04\x0a\x00\x00\x01"))
	f.Fuzz(func(t *testing.T, state, ask []byte) {
		in := taker{state}
		s := Snapshot{Ifaces: []Iface{{Index: 2, Name: "m0", MTU: 1500, Up: true, MasterIndex: int(in.byte() % 4)}, {Index: 3, Name: "r", Table: uint32(in.byte())}}}
		for range in.byte() % 8 {
			s.Addrs = append(s.Addrs, Addr{Index: int(in.byte() % 4), Prefix: in.prefix(), Peer: in.addr(), Scope: in.byte()})
		}
		for range in.byte() % 8 {
			s.Rules = append(s.Rules, in.rule())
		}
		bare := mustCompile(t, s)
		for range in.byte() % 32 {
			s.Routes = append(s.Routes, in.route())
		}
		tab := mustCompile(t, s)
		for i := range s.Routes {
			bare, _ = bare.Apply([]Change{{OpAdd, s.Routes[i]}})
		}
		if !bare.EqualRoutes(tab) {
			t.Fatal("changes one by one give another table")
		}
		q := taker{ask}
		for range 4 {
			query := Query{Dst: q.addr(), Src: q.addr(), TOS: q.byte(), Proto: q.byte(), Mark: q.u32(), OIF: int(q.byte() % 4), Hash: q.u32()}
			r := tab.LookupKernel(2, query)
			if r != bare.LookupKernel(2, query) || tab.Lookup(query) != bare.Lookup(query) {
				t.Fatalf("%+v: two answers", query)
			}
			if r.Verdict == VerdictForward && (!r.NextHop.IsValid() || r.Index == 0) || r.Verdict == VerdictDrop && r.Reason == ReasonNone {
				t.Fatalf("%+v: empty answer %+v", query, r)
			}
			tab.SourceFor(2, query.Dst)
		}
	})
}
