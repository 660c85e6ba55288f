package nsutil

import (
	"bytes"
	"encoding/binary"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ipvl/ipvl/nsutil/rtnl"
)

// message is one netlink message.
func message(typ uint16, body []byte) []byte {
	b := binary.NativeEndian.AppendUint32(nil, uint32(unix.NLMSG_HDRLEN+len(body)))
	b = binary.NativeEndian.AppendUint16(b, typ)
	return append(append(b, make([]byte, 10)...), body...)
}

// FuzzDatagram gives the Watcher arbitrary datagrams of any namespace: an
// event always has the value that its kind promises.
func FuzzDatagram(f *testing.F) {
	link := message(unix.RTM_NEWLINK, rtnl.LinkHeader(2, 0, 0).String(unix.IFLA_IFNAME, "e0").Bytes())
	nsid := message(unix.RTM_DELNSID, rtnl.FamilyHeader(0, 1).Uint32(unix.NETNSA_NSID, 3).Bytes())
	route := message(unix.RTM_NEWROUTE, make([]byte, unix.SizeofRtMsg))
	group := message(unix.RTM_NEWMULTICAST, rtnl.FamilyHeader(unix.AF_INET, 8).Attr(unix.IFA_MULTICAST, []byte{239, 1, 1, 1}).Bytes())
	for _, id := range []int{-1, 0, 3} {
		f.Add(id, append(append([]byte{}, link...), nsid...), []byte{})
		f.Add(id, append(append(append([]byte{}, route...), route...), group...), make([]byte, 16))
	}
	f.Fuzz(func(t *testing.T, id int, b, oob []byte) {
		_ = nsidOf(oob)
		var d decoder
		d.datagram(id, b)
		routes := 0
		for _, e := range d.take() {
			if e.Kind == EventRoute && e.Route == nil {
				routes++
			}
			if ok := map[EventKind]bool{
				EventLink: e.Link != nil, EventAddr: e.Addr != nil, EventGroup: e.Group != nil, EventNeigh: e.Neigh != nil,
				EventNSID: true, EventRoute: true, EventRule: true, EventNextHop: true,
			}[e.Kind]; !ok {
				t.Fatalf("event of kind %s without its value: %+v", e.Kind, e)
			}
			if e.NSID != id && e.Kind != EventNSID {
				t.Fatalf("event of namespace %d in a datagram of %d", e.NSID, id)
			}
		}
		if routes > 1 {
			t.Fatalf("%d route events without a route in one batch", routes)
		}
	})
}

// FuzzDevMcast gives the reader of /proc/net/dev_mcast arbitrary text.
func FuzzDevMcast(f *testing.F) {
	f.Add([]byte("2    eth0            1     0     333300000001\n2    eth0            1     0     01005e000001\n"), 2)
	f.Add([]byte("\n2 a b\n2 x 1 0 zz\n-1 - - - -"), -1)
	f.Fuzz(func(t *testing.T, b []byte, index int) {
		groups, err := parseDevMcast(bytes.NewReader(b), index)
		if err == nil && len(groups) > bytes.Count(b, []byte("\n"))+1 {
			t.Fatalf("%d groups from %q", len(groups), b)
		}
	})
}
