package rawip

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/ipvl/ipvl/link/vnet"
)

// frame6 is a frame in byte form that holds an IPv6 packet without payload.
func frame6(src, dst [16]byte) []byte {
	b := make([]byte, vnet.HeaderLen+14+40)
	copy(b[vnet.HeaderLen+12:], []byte{0x86, 0xdd, 0x60, 0, 0, 0, 0, 0, 59, 64})
	copy(b[vnet.HeaderLen+14+8:], src[:])
	copy(b[vnet.HeaderLen+14+24:], dst[:])
	return b
}

// Only IPv6 between global addresses leaves; the rest the host's routes could
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

func TestOutputIsForIPv6(t *testing.T) {
	if err := routable(&target{src: netip.MustParseAddr("10.0.0.1"), dst: netip.MustParseAddr("10.0.0.2")}); err != ErrScope {
		t.Error(err)
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
