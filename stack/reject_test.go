package stack

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ipvl/ipvl/stack/fib"
)

// obstacles is a host that has something against most destinations.
func obstacles(s *fib.Snapshot) {
	for dst, typ := range map[string]fib.Type{
		"172.16.0.0/16": fib.Blackhole, "172.17.0.0/16": fib.Unreachable, "172.18.0.0/16": fib.Prohibit,
		"2001:db8:6::/48": fib.Blackhole, "2001:db8:7::/48": fib.Unreachable, "2001:db8:8::/48": fib.Prohibit,
	} {
		s.Routes = append(s.Routes, fib.Route{Dst: prefix(dst), Table: fib.TableMain, Type: typ})
	}
	s.Routes = append(s.Routes, fib.Route{Dst: prefix("172.20.0.0/16"), Table: fib.TableMain, NextHops: []fib.NextHop{{Index: 3}}})
	s.Routes = slices.DeleteFunc(s.Routes, func(r fib.Route) bool { return r.Dst.Bits() == 0 })
	for _, family := range []int{4, 6} {
		s.Rules = append(s.Rules,
			fib.Rule{Family: family, Priority: 0, Table: fib.TableLocal, SuppressPrefixLen: -1, SuppressGroup: -1},
			fib.Rule{Family: family, Priority: 32766, Table: fib.TableMain, SuppressPrefixLen: -1, SuppressGroup: -1})
	}
	s.Rules = append(s.Rules, fib.Rule{
		Family: 4, Priority: 10, Dst: prefix("172.19.0.0/16"), Action: fib.ActionUnreachable, SuppressPrefixLen: -1, SuppressGroup: -1,
	})
}

// verdict writes a Hop as "reject 3/1 from 10.0.0.1".
func verdict(h Hop) string {
	switch h.Verdict {
	case VerdictReject:
		return fmt.Sprintf("reject %d/%d from %v", h.ICMP.Type, h.ICMP.Code, h.ICMP.From)
	case VerdictElsewhere:
		return fmt.Sprintf("elsewhere %d from %v", h.Index, h.ICMP.From)
	case VerdictWait:
		return fmt.Sprintf("wait from %v", h.ICMP.From)
	case VerdictLocal:
		return "local"
	}
	return h.Reason.String()
}

// The errors of ip_error and ip6_pkt_drop.
func TestFullLookupRejects(t *testing.T) {
	l := newLAN(t, func(s *fib.Snapshot, o *RouterOptions) { obstacles(s); o.Lookup = LookupFull })
	for dst, want := range map[string]string{
		"8.8.8.8":       "reject 3/0 from 10.0.0.1",
		"172.16.0.1":    "blackhole",
		"172.17.0.1":    "reject 3/1 from 10.0.0.1",
		"172.18.0.1":    "reject 3/13 from 10.0.0.1",
		"172.19.0.1":    "reject 3/0 from 10.0.0.1",
		"172.20.0.1":    "elsewhere 3 from 10.0.0.1",
		"10.0.0.9":      "wait from 10.0.0.1",
		"10.0.0.1":      "local",
		"224.0.0.1":     "broadcast",
		"127.0.0.1":     "bad-destination",
		"2001:db8:5::1": "reject 1/0 from 2001:db8::1",
		"2001:db8:6::1": "blackhole",
		"2001:db8:7::1": "reject 1/0 from 2001:db8::1",
		"2001:db8:8::1": "reject 1/1 from 2001:db8::1",
		"2001:db8::9":   "wait from 2001:db8::1",
	} {
		if got := verdict(l.next(dst)); got != want {
			t.Errorf("%s: %s, want %s", dst, got, want)
		}
	}
	l.wantDrops(ReasonUnreachable, 3)
	q := Query{Dst: ip("8.8.8.8"), Src: ip("10.1.0.11")}
	if n := testing.AllocsPerRun(100, func() { l.r.Next(q) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// The look-up changes while the Router runs.
func TestSetLookup(t *testing.T) {
	l := newLAN(t, func(s *fib.Snapshot, _ *RouterOptions) { obstacles(s) })
	for _, step := range []struct {
		lookup Lookup
		want   string
	}{{LookupKernel, "wait from invalid IP"}, {LookupFull, "reject 3/0 from 10.0.0.1"}, {LookupKernel, "wait from invalid IP"}} {
		l.r.SetLookup(step.lookup)
		if got := verdict(l.next("8.8.8.8")); got != step.want || l.r.Lookup() != step.lookup {
			t.Errorf("%v: %s, want %s", step.lookup, got, step.want)
		}
	}
}

// What waited for a neighbour that does not answer is rejected, but only in
// full look-up.
func TestUnansweredIsRejected(t *testing.T) {
	for _, lookup := range []Lookup{LookupFull, LookupKernel} {
		var mu sync.Mutex
		var got []string
		l := newLAN(t, func(_ *fib.Snapshot, o *RouterOptions) {
			o.Lookup = lookup
			o.Reject = func(h Hop, frame []byte) {
				mu.Lock()
				defer mu.Unlock()
				got = append(got, verdict(h)+" "+h.Reason.String()+" "+string(frame[len(frame)-1:]))
			}
		})
		for i, dst := range []string{"10.0.0.9", "10.0.0.9", "2001:db8::9"} {
			h := l.next(dst)
			f := make([]byte, vnetLen+14+40, vnetLen+14+41)
			if h.NextHop.Is4() {
				f[vnetLen+14] = 0x45
				copy(f[vnetLen+14+12:], ip("10.1.0.11").AsSlice())
			} else {
				f[vnetLen+14] = 0x60
				copy(f[vnetLen+14+8:], ip("2001:db8:1::11").AsSlice())
			}
			h.ICMP = ICMPError{} // as one who only keeps what a wait needs
			l.r.Hold(h, append(f, "abc"[i]))
		}
		l.settle()
		for range 5 {
			l.clock.Advance(second)
			l.settle()
		}
		l.r.Close()
		l.settle()
		var want []string
		if lookup == LookupFull {
			want = []string{"reject 1/3 from 2001:db8::1 unresolved c", "reject 3/1 from 10.0.0.1 unresolved a", "reject 3/1 from 10.0.0.1 unresolved b"}
		}
		mu.Lock()
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%v: %s", lookup, strings.Join(got, "; "))
		}
		mu.Unlock()
	}
}

func TestSourceOfAFrame(t *testing.T) {
	for _, f := range [][]byte{make([]byte, vnetLen+14), make([]byte, 100), append(make([]byte, vnetLen+14), 0x60, 0, 0)} {
		if a, ok := sourceOf(f); ok {
			t.Errorf("%x: %v", f, a)
		}
	}
}
