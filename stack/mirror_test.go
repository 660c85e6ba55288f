package stack

import (
	"errors"
	"testing"

	"github.com/ipvl/ipvl/stack/fib"
)

func TestNoOpPublishesNothing(t *testing.T) {
	m, told := NewMirror(), 0
	stop := m.Watch(func() { told++ })
	c, err := m.Set(namespace())
	if want := (Changed{Ifaces: true, Addrs: true, Routes: true}); err != nil || c != want || told != 1 {
		t.Fatalf("first: %+v, %v, told %d times", c, err, told)
	}
	before := m.FIB()
	if c, err := m.Set(namespace()); err != nil || c.Any() || told != 1 || m.FIB() != before {
		t.Errorf("again: %+v, %v, told %d times, same table: %v", c, err, told, m.FIB() == before)
	}
	gone := fib.Route{Dst: prefix("192.0.2.0/24"), Table: fib.TableMain}
	if c := m.Apply([]fib.Change{{Op: fib.OpDelete, Route: gone}}); c.Any() || c.LeftOut.Routes != 1 || told != 1 || m.FIB() != before {
		t.Errorf("deleting what is not there: %+v, told %d times", c, told)
	}
	stop()
	if _, err := m.Set(fib.Snapshot{}); err != nil || told != 1 || m.FIB() == before {
		t.Errorf("stopped: told %d times", told)
	}
}

func TestSetSaysWhatChanged(t *testing.T) {
	for name, tt := range map[string]struct {
		edit func(*fib.Snapshot)
		want Changed
	}{
		"link":    {func(s *fib.Snapshot) { s.Ifaces[0].MTU = 1400 }, Changed{Ifaces: true}},
		"address": {func(s *fib.Snapshot) { s.Addrs[0].Secondary = true }, Changed{Addrs: true}},
		"route":   {func(s *fib.Snapshot) { s.Routes[2].Metric = 7 }, Changed{Routes: true}},
		"hop":     {func(s *fib.Snapshot) { s.Routes[2].NextHops[0].Dead = true }, Changed{Routes: true}},
		"rule":    {func(s *fib.Snapshot) { s.Rules = []fib.Rule{{Family: 4, Table: 7}} }, Changed{Rules: true}},
		"neigh":   {func(s *fib.Snapshot) { s.Neighs = []fib.Neigh{{Index: 2, Dst: ip("10.0.0.9")}} }, Changed{Neighs: true}},
	} {
		m := NewMirror()
		m.Set(namespace())
		s := namespace()
		tt.edit(&s)
		if c, err := m.Set(s); err != nil || c != tt.want {
			t.Errorf("%s: %+v, %v, want %+v", name, c, err, tt.want)
		}
	}
}

func TestSnapshotIsImmutable(t *testing.T) {
	m, s := NewMirror(), namespace()
	m.Set(s)
	s.Routes[1].NextHops[0].Index = 3
	q := fib.Query{Dst: ip("10.0.0.9"), Src: ip("10.1.0.11")}
	old := m.FIB()
	if got := old.Lookup(q).Index; got != 2 {
		t.Errorf("the caller's snapshot reaches into the state: index %d", got)
	}
	m.Set(s)
	if a, b := old.Lookup(q).Index, m.FIB().Lookup(q).Index; a != 2 || b != 3 {
		t.Errorf("before %d, after %d", a, b)
	}
}

func TestBadEntriesAreLeftOut(t *testing.T) {
	m, s := NewMirror(), namespace()
	s.Routes = append(s.Routes, fib.Route{Dst: prefix("192.0.2.0/24"), Table: 254, NextHops: []fib.NextHop{{Index: 99}}})
	s.Addrs = append(s.Addrs, fib.Addr{Index: 2})
	c, err := m.Set(s)
	if err != nil || c.LeftOut.Routes != 1 || c.LeftOut.Addrs != 1 || !errors.Is(c.LeftOut.First, fib.ErrAddress) {
		t.Errorf("%+v, %v", c, err)
	}
	if c, _ := m.Set(s); c.Any() || c.LeftOut.Total() != 2 {
		t.Errorf("again: %+v", c)
	}
}

func TestContradictionChangesNothing(t *testing.T) {
	m := NewMirror()
	m.Set(namespace())
	before := m.FIB()
	s := namespace()
	s.Ifaces[1].Name = "m0"
	var e *Error
	if _, err := m.Set(s); !errors.As(err, &e) || !errors.Is(err, fib.ErrAmbiguous) || m.FIB() != before {
		t.Errorf("%v", err)
	}
}

func TestZeroMirrorIsEmpty(t *testing.T) {
	var m Mirror
	if r := m.FIB().Lookup(fib.Query{Dst: ip("10.0.0.9")}); r.Reason != fib.ReasonNoRoute {
		t.Errorf("%+v", r)
	}
}

// A route that is changed turns the very next packet.
func TestRouteChangeTakesEffect(t *testing.T) {
	l := newLAN(t, nil)
	l.hold("10.0.0.254", "1")
	l.hold("10.0.0.253", "2")
	l.reply("10.0.0.254", peerMAC)
	l.reply("10.0.0.253", otherMAC)
	l.wantSend("8.8.8.8", peerMAC)
	r := namespace().Routes[2]
	r.NextHops = []fib.NextHop{{Index: 2, Via: ip("10.0.0.253")}}
	if c := l.mirror.Apply([]fib.Change{{Op: fib.OpReplace, Route: r}}); !c.Routes {
		t.Errorf("%+v", c)
	}
	l.wantSend("8.8.8.8", otherMAC)
	l.set(namespace())
	l.wantSend("8.8.8.8", peerMAC)
}
