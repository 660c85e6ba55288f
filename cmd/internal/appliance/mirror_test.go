package appliance

import (
	"net/netip"
	"testing"

	"github.com/ipvl/ipvl/nsutil"
	"github.com/ipvl/ipvl/nsutil/rtnl"
	"github.com/ipvl/ipvl/stack"
	"github.com/ipvl/ipvl/stack/fib"
	"golang.org/x/sys/unix"
)

func change(n int) fib.Change {
	return fib.Change{Route: fib.Route{Dst: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(n >> 8), byte(n), 0}), 24)}}
}

func TestRouteFeedKeepsOrder(t *testing.T) {
	f := newRouteFeed()
	f.tell(nil, false)
	if len(f.wake) != 0 {
		t.Error("nothing to do, and yet awake")
	}
	f.tell([]fib.Change{change(1), change(2)}, false)
	f.tell([]fib.Change{change(3)}, false)
	got, all := f.take()
	if all || len(got) != 3 || got[2].Route.Dst != change(3).Route.Dst || len(f.wake) != 1 {
		t.Errorf("%v, all %v, %d wake-ups", got, all, len(f.wake))
	}
	if got, all := f.take(); all || got != nil {
		t.Errorf("taken twice: %v, %v", got, all)
	}
}

// A request to read everything makes the changes before it needless, not those
// that come after it was taken.
func TestRouteFeedReadsAll(t *testing.T) {
	f := newRouteFeed()
	f.tell([]fib.Change{change(1)}, false)
	f.tell(nil, true)
	f.tell([]fib.Change{change(2)}, false)
	if got, all := f.take(); !all || got != nil {
		t.Errorf("%v, %v", got, all)
	}
	f.tell([]fib.Change{change(3)}, false)
	if got, all := f.take(); all || len(got) != 1 {
		t.Errorf("%v, %v", got, all)
	}
}

func TestRouteFeedIsBounded(t *testing.T) {
	f := newRouteFeed()
	for n := range maxChanges {
		f.tell([]fib.Change{change(n)}, false)
	}
	if got, all := f.take(); all || len(got) != maxChanges {
		t.Errorf("%d changes, all %v", len(got), all)
	}
	f.tell(make([]fib.Change, maxChanges), false)
	f.tell([]fib.Change{change(1)}, false)
	if got, all := f.take(); !all || got != nil {
		t.Errorf("%d changes, all %v: want everything read again", len(got), all)
	}
}

func TestRouteChange(t *testing.T) {
	r := &rtnl.Route{Route: change(1).Route}
	for want, e := range map[fib.Op]nsutil.Event{
		fib.OpAdd:     {Route: r},
		fib.OpReplace: {Route: r, Replace: true},
		fib.OpDelete:  {Route: r, Deleted: true},
	} {
		if got := routeChange(e); got.Op != want || got.Route.Dst != r.Dst {
			t.Errorf("%+v, want op %v", got, want)
		}
	}
}

func TestMovesRoutes(t *testing.T) {
	a := &Appliance{mirror: stack.NewMirror()}
	up := rtnl.Link{Index: 2, Name: "eth0", MTU: 1500, Flags: unix.IFF_UP | unix.IFF_LOWER_UP, Address: []byte{2, 0, 0, 0, 0, 1}}
	if _, err := a.mirror.Set(fib.Snapshot{Ifaces: []fib.Iface{
		{Index: 2, Name: "eth0", MTU: 1500, Up: true, Running: true, MAC: [6]byte{2, 0, 0, 0, 0, 1}},
	}}); err != nil {
		t.Fatal(err)
	}
	with := func(f func(l *rtnl.Link)) *rtnl.Link {
		l := up
		f(&l)
		return &l
	}
	for name, c := range map[string]struct {
		e    nsutil.Event
		want bool
	}{
		"nothing new":     {nsutil.Event{Link: &up}, false},
		"statistics":      {nsutil.Event{Link: with(func(l *rtnl.Link) { l.HasStats, l.Promiscuity = true, 1 })}, false},
		"down":            {nsutil.Event{Link: with(func(l *rtnl.Link) { l.Flags = 0 })}, true},
		"no carrier":      {nsutil.Event{Link: with(func(l *rtnl.Link) { l.Flags = unix.IFF_UP })}, true},
		"renamed":         {nsutil.Event{Link: with(func(l *rtnl.Link) { l.Name = "eth1" })}, true},
		"MTU":             {nsutil.Event{Link: with(func(l *rtnl.Link) { l.MTU = 1400 })}, true},
		"MAC":             {nsutil.Event{Link: with(func(l *rtnl.Link) { l.Address = []byte{2, 0, 0, 0, 0, 2} })}, true},
		"deleted":         {nsutil.Event{Link: &up, Deleted: true}, true},
		"new, down":       {nsutil.Event{Link: with(func(l *rtnl.Link) { l.Index, l.Flags = 3, 0 })}, false},
		"new, up":         {nsutil.Event{Link: with(func(l *rtnl.Link) { l.Index = 3 })}, true},
		"unknown deleted": {nsutil.Event{Link: with(func(l *rtnl.Link) { l.Index = 3 }), Deleted: true}, false},
	} {
		if got := a.movesRoutes(c.e); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
