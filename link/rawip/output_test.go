package rawip

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"testing"

	"github.com/ipvl/ipvl/link/vnet"
	"github.com/vishvananda/netlink"
)

// frame6 is a frame in byte form that holds an IPv6 packet without payload.
func frame6(src, dst [16]byte) []byte {
	b := make([]byte, vnet.HeaderLen+14+40)
	copy(b[vnet.HeaderLen+12:], []byte{0x86, 0xdd, 0x60, 0, 0, 0, 0, 0, 59, 64})
	copy(b[vnet.HeaderLen+14+8:], src[:])
	copy(b[vnet.HeaderLen+14+24:], dst[:])
	return b
}

// Only what is between global addresses leaves; the rest the host's routes could
// send anywhere. Where it goes is a matter of end-to-end tests.
func TestOutputRefuses(t *testing.T) {
	o, err := OpenOutput()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.Close() })
	global, other := [16]byte{0x20, 1, 0xd, 0xb8, 15: 1}, [16]byte{0xfd, 15: 1}
	open := frame6(global, other)
	open[0] = vnet.FlagNeedsCsum
	for name, c := range map[string]struct {
		frame []byte
		want  error
	}{
		"link-local":    {frame6(global, [16]byte{0xfe, 0x80, 15: 1}), ErrScope},
		"from there":    {frame6([16]byte{0xfe, 0x80, 15: 1}, global), ErrScope},
		"group":         {frame6(global, [16]byte{0xff, 2, 15: 1}), ErrScope},
		"loopback":      {frame6(global, [16]byte{15: 1}), ErrScope},
		"from nowhere":  {frame6([16]byte{}, global), ErrScope},
		"IPv4 mapped":   {frame6(global, [16]byte{10: 0xff, 11: 0xff, 12: 10, 15: 1}), ErrScope},
		"unfinished":    {open, ErrUnfinished},
		"no frame":      {nil, ErrMalformed},
		"half a header": {frame6(global, other)[:50], ErrMalformed},
	} {
		before := o.Stats().TxErrors
		if err := o.WriteFrame(c.frame); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if got := o.Stats().TxErrors; got != before+1 {
			t.Errorf("%s: counted %d times", name, got-before)
		}
	}
}

func TestRoutable(t *testing.T) {
	for _, c := range []struct {
		src, dst string
		want     error
	}{
		{"10.0.0.1", "10.0.0.2", nil}, {"10.0.0.1", "169.254.1.1", nil}, {"10.0.0.1", "127.0.0.1", ErrScope}, {"127.0.0.1", "10.0.0.1", ErrScope},
		{"0.0.0.0", "10.0.0.1", ErrScope}, {"10.0.0.1", "255.255.255.255", ErrScope}, {"10.0.0.1", "224.0.0.5", ErrScope},
	} {
		if err := routable(&target{src: netip.MustParseAddr(c.src), dst: netip.MustParseAddr(c.dst)}); err != c.want {
			t.Errorf("%s to %s: %v, want %v", c.src, c.dst, err, c.want)
		}
	}
}

// An IPv4 packet leaves by the host's rules, which know its source, and with
// all that the device wrote; where the host has no route for it, it does not.
func TestOutputIPv4(t *testing.T) {
	h := newHost(t)
	const far = "198.51.100.9"
	var o *Output
	h.Do(t, func() (err error) {
		if o, err = OpenOutput(); err != nil {
			return err
		}
		gw := net.ParseIP("192.0.2.254")
		rule := netlink.NewRule()
		rule.Table, rule.Priority, rule.Src = 77, 100, &net.IPNet{IP: net.ParseIP(dev4).To4(), Mask: net.CIDRMask(32, 32)}
		return errors.Join(
			netlink.RouteAdd(&netlink.Route{LinkIndex: h.index, Gw: gw, Table: 77}),
			netlink.RuleAdd(rule),
			netlink.NeighAdd(&netlink.Neigh{LinkIndex: h.index, IP: gw, HardwareAddr: h.mac, State: netlink.NUD_PERMANENT}),
		)
	})
	t.Cleanup(func() { o.Close() })
	f := udpFrame(dev4, far, 9, []byte("abc"))
	f[offIP+5] = 1 // the kernel fills in an identification of 0
	seal(f[offIP : offIP+ipv4Len])
	pieces := [][]byte{f[:offIP+7], f[offIP+7:]}
	if err := o.WriteVec(pieces); err != nil {
		t.Fatal(err)
	}
	if err := o.WriteFrame(udpFrame("192.0.2.66", far, 9, nil)); err != ErrNoRoute {
		t.Errorf("without a route: %v, want %v", err, ErrNoRoute)
	}
	if err := o.WriteFrame(udpFrame(dev4, "192.0.2.255", 9, nil)); err == nil {
		t.Error("a broadcast left")
	}
	var got [][]byte
	for _, b := range h.left(t) {
		if bytes.Contains(b, netip.MustParseAddr(far).AsSlice()) {
			got = append(got, b[14:])
		}
	}
	if len(got) != 1 || !bytes.Equal(got[0], f[offIP:]) {
		t.Errorf("left: %x\nwant %x", got, f[offIP:])
	}
	if s := o.Stats(); s.TxFrames != 1 || s.TxErrors != 2 {
		t.Errorf("%+v", s)
	}
}

func TestOutputCloses(t *testing.T) {
	o, err := OpenOutput()
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := o.WriteFrame(frame6([16]byte{0xfd, 15: 1}, [16]byte{0xfd, 15: 2})); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}
