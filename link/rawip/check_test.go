package rawip

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/ipvl/ipvl/link/vnet"
)

const (
	host4, host6   = "192.0.2.1", "2001:db8::1"
	other4, other6 = "192.0.2.9", "2001:db8::9" // the host's too
	dev4, dev6     = "198.51.100.7", "2001:db8:9::7"
	lladdr         = "fe80::77"
)

func hosts() Options {
	return Options{Local: only(host4, host6, other4, other6, lladdr, "127.0.0.1", "::1", "224.0.0.1", "255.255.255.255",
		"0.0.0.0", "::", "ff02::1", "::ffff:192.0.2.1"), Index: 7}
}

// verdict is what WriteFrame and WriteVec do before they send.
func verdict(o Options, b []byte) (target, error) {
	t, err := inspect(b[:min(len(b), headMax)], len(b))
	if err == nil {
		err = o.admit(&t)
	}
	return t, err
}

func TestRefusals(t *testing.T) {
	ok4, ok6 := udpFrame(dev4, host4, 9, []byte("abc")), udpFrame(dev6, host6, 9, []byte("abc"))
	to := func(dst string) []byte { return udpFrame(dev4, dst, 9, nil) }
	to6 := func(dst string) []byte { return udpFrame(dev6, dst, 9, nil) }
	from := func(src string) []byte { return udpFrame(src, host4, 9, nil) }
	from6 := func(src string) []byte { return udpFrame(src, host6, 9, nil) }
	for _, c := range []struct {
		name  string
		frame []byte
		want  error
	}{
		{"IPv4", ok4, nil},
		{"IPv6", ok6, nil},
		{"link-local", to6(lladdr), nil},
		{"verified checksum", unfinished(ok4, vnet.Header{Flags: vnet.FlagDataValid}), nil},
		{"bytes in unused header fields", unfinished(ok4, vnet.Header{HdrLen: 42}), nil},
		{"partial checksum", unfinished(ok4, vnet.Header{Flags: vnet.FlagNeedsCsum}), ErrUnfinished},
		{"segmentation", unfinished(ok6, vnet.Header{GSOType: vnet.GSOTCPv6, GSOSize: 1}), ErrUnfinished},
		{"nothing", nil, ErrMalformed},
		{"no Ethernet header", ok4[:offIP-1], ErrMalformed},
		{"tag", tagged(ok4, typeVLAN), ErrTagged},
		{"service tag", tagged(ok6, typeQinQ), ErrTagged},
		{"old service tag", tagged(ok6, typeQinQ1), ErrTagged},
		{"ARP", with(with(ok4, offType, 8), offType+1, 6), ErrNotIP},
		{"ethertype of the other family", with(with(ok4, offType, 0x86), offType+1, 0xdd), ErrMalformed},
		{"ethertype of the other family, IPv6", with(with(ok6, offType, 8), offType+1, 0), ErrMalformed},
		{"no IPv4 header", ok4[:offIP+19], ErrMalformed},
		{"no IPv6 header", ok6[:offIP+39], ErrMalformed},
		{"IPv4 header length of 16", sealed(ok4, 0, 0x44), ErrMalformed},
		{"IPv4 header longer than the packet", sealed(ok4, 0, 0x4f), ErrMalformed},
		{"IPv4 total length 0", sealed(ok4, 3, 0), ErrMalformed},
		{"IPv4 total length of 19", sealed(ok4, 3, 19), ErrMalformed},
		{"IPv4 cut", ok4[:len(ok4)-1], ErrMalformed},
		{"IPv6 cut", ok6[:len(ok6)-1], ErrMalformed},
		{"IPv4 checksum", with(ok4, offIP+8, 1), ErrMalformed},
		{"not local", to("192.0.2.2"), ErrNotLocal},
		{"not local, IPv6", to6("2001:db8::2"), ErrNotLocal},
		{"loopback", to("127.0.0.1"), ErrNotLocal},
		{"loopback, IPv6", to6("::1"), ErrNotLocal},
		{"group", to("224.0.0.1"), ErrNotLocal},
		{"group, IPv6", to6("ff02::1"), ErrNotLocal},
		{"broadcast", to("255.255.255.255"), ErrNotLocal},
		{"unspecified", to("0.0.0.0"), ErrNotLocal},
		{"unspecified, IPv6", to6("::"), ErrNotLocal},
		{"IPv4-mapped", to6("::ffff:192.0.2.1"), ErrNotLocal},
		{"from the host", from(other4), ErrSource},
		{"from the host, IPv6", from6(other6), ErrSource},
		{"from itself", from(host4), ErrSource},
		{"from the loopback", from("127.9.9.9"), ErrSource},
		{"from the loopback, IPv6", from6("::1"), ErrSource},
		{"from a group", from("239.1.1.1"), ErrSource},
		{"from a group, IPv6", from6("ff02::2"), ErrSource},
		{"from broadcast", from("255.255.255.255"), ErrSource},
		{"from nobody", from("0.0.0.0"), ErrSource},
		{"from this network", from("0.1.2.3"), ErrSource},
		{"from nobody, IPv6", from6("::"), ErrSource},
		{"from IPv4-mapped", from6("::ffff:198.51.100.7"), ErrSource},
	} {
		if _, err := verdict(hosts(), c.frame); err != c.want {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

func TestZeroOptionsRefuseAll(t *testing.T) {
	for _, b := range [][]byte{udpFrame(dev4, host4, 9, nil), udpFrame(dev6, host6, 9, nil), udpFrame(dev4, "127.0.0.1", 9, nil)} {
		if _, err := verdict(Options{}, b); err != ErrNotLocal {
			t.Errorf("%v, want %v", err, ErrNotLocal)
		}
	}
}

func TestLinkLocalNeedsIndex(t *testing.T) {
	o := hosts()
	o.Index = 0
	if _, err := verdict(o, udpFrame(dev6, lladdr, 9, nil)); err != ErrNotLocal {
		t.Errorf("%v, want %v", err, ErrNotLocal)
	}
	if _, err := verdict(o, udpFrame(lladdr+"8", host6, 9, nil)); err != nil {
		t.Errorf("link-local source: %v, want nil", err)
	}
}

// FuzzInspect never panics, and what passes is whole and right.
func FuzzInspect(f *testing.F) {
	ok4, ok6 := udpFrame(dev4, host4, 9, []byte("abc")), udpFrame(dev6, host6, 9, []byte("abc"))
	f.Add(ok4)
	f.Add(ok6)
	f.Add(append(ok4[:len(ok4):len(ok4)], make([]byte, 20)...))
	f.Add(tagged(ok4, typeVLAN))
	f.Add(unfinished(ok6, vnet.Header{GSOType: vnet.GSOTCPv6, GSOSize: 1}))
	f.Add(sealed(ok4, 0, 0x4f))
	f.Add(ok6[:offIP+ipv6Len-1])
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := verdict(hosts(), b)
		if err != nil {
			return
		}
		if b[0]&1 != 0 || b[1] != 0 || offIP+got.size > len(b) {
			t.Fatalf("%x passed: %+v", b, got)
		}
		ip := b[offIP : offIP+got.size]
		switch binary.BigEndian.Uint16(b[22:]) {
		case 0x0800:
			h := ip[:4*int(ip[0]&15)]
			if ip[0]>>4 != 4 || len(h) < 20 || int(binary.BigEndian.Uint16(ip[2:])) != len(ip) || sum(h, 0) != 0xffff ||
				got.src != netip.AddrFrom4([4]byte(ip[12:])) || got.dst != netip.AddrFrom4([4]byte(ip[16:])) {
				t.Fatalf("%x passed: %+v", b, got)
			}
		case 0x86dd:
			if ip[0]>>4 != 6 || int(binary.BigEndian.Uint16(ip[4:])) != len(ip)-40 ||
				got.src != netip.AddrFrom16([16]byte(ip[8:])) || got.dst != netip.AddrFrom16([16]byte(ip[24:])) {
				t.Fatalf("%x passed: %+v", b, got)
			}
		default:
			t.Fatalf("%x passed", b)
		}
		switch got.dst.String() {
		case host4, host6, other4, other6, lladdr:
		default:
			t.Fatalf("%v passed", got.dst)
		}
	})
}
