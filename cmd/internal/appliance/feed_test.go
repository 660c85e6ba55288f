package appliance

import (
	"net"
	"net/netip"
	"testing"

	"github.com/ipvl/ipvl/cmd/internal/api"
	"github.com/ipvl/ipvl/nsutil"
	"github.com/ipvl/ipvl/nsutil/rtnl"
	"github.com/ipvl/ipvl/stack"
	"github.com/ipvl/ipvl/stack/fib"
)

// What is told of a device is told under the name that it had, and as the
// device that it was: by then it is gone.
func TestEventsTellOfWhatWas(t *testing.T) {
	a := &Appliance{mirror: stack.NewMirror()}
	netns := 3
	v := &view{scope: scope{nsid: 7}, links: map[int]api.Link{
		5: {Index: 5, Name: "va", Kind: "ipvlan", Backend: "veth", Mode: "l3", Flag: "vepa", MaxMTU: 65535, ParentIndex: 2, ParentNetnsID: &netns},
	}}
	link := func(nsid, index int, name string, deleted bool) nsutil.Event {
		return nsutil.Event{Kind: nsutil.EventLink, NSID: nsid, Deleted: deleted, Link: &rtnl.Link{Index: index, Name: name, Kind: "veth", MaxMTU: 1500, Address: net.HardwareAddr{2, 0, 0, 0, 0, 1}}}
	}
	addr := func(index int) nsutil.Event {
		return nsutil.Event{Kind: nsutil.EventAddr, NSID: 7, Addr: &rtnl.Addr{Index: index, Prefix: netip.MustParsePrefix("10.0.0.1/24")}}
	}
	route := nsutil.Event{Kind: nsutil.EventRoute, NSID: 7, Route: &rtnl.Route{Route: fib.Route{
		Dst: netip.MustParsePrefix("10.1.0.0/16"), NextHops: []fib.NextHop{{Index: 5}},
	}}}
	got := a.events(v, []nsutil.Event{
		addr(5), route, link(8, 5, "other", false), link(7, 5, "va", false), link(7, 5, "vx", false), addr(5), link(7, 5, "vx", true), addr(5),
		link(7, 6, "new", false), addr(6),
	})
	for i, want := range []string{"va", "va", "va", "vx", "vx", "vx", "if5", "new", "new"} {
		if i >= len(got) {
			t.Fatalf("%d events, want 9", len(got))
		}
		name := ""
		switch e := got[i]; {
		case e.Link != nil:
			name = e.Link.Name
		case e.Addr != nil:
			name = e.Addr.Name
		case e.Route != nil:
			name = e.Route.NextHops[0].Dev
		}
		if name != want {
			t.Errorf("event %d is of %q, want %q", i, name, want)
		}
	}
	for _, i := range []int{2, 3, 5} {
		if l := got[i].Link; l.Kind != "ipvlan" || l.Mode != "l3" || l.Flag != "vepa" || l.MaxMTU != 65535 || l.ParentIndex != 2 || l.ParentNetnsID != &netns {
			t.Errorf("event %d: %+v, want the device", i, l)
		}
	}
	if l := got[7].Link; l.Kind != "veth" || l.MaxMTU != 1500 {
		t.Errorf("another interface became a device: %+v", l)
	}
}
