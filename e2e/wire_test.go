package e2e

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"strings"
	"testing"
)

// With forwarding on, as on any container host, the host must not forward,
// redirect or answer what is for its devices: one echo request gives one reply.
func TestHostStaysOutOfIt(t *testing.T) {
	for _, mode := range []string{"l2", "l3"} {
		t.Run(mode, func(t *testing.T) {
			l := newLAN(t)
			l.sysctl("host", "net/ipv4/ip_forward", "1")
			l.sysctl("host", "net/ipv6/conf/all/forwarding", "1")
			l.sysctl("host", "net/ipv4/conf/all/send_redirects", "1")
			l.serve()
			l.device("ipvl0", "ns0", mode, "10.0.0.11/24", "fd00::11/64")
			l.ip("lan", "neigh", "replace", "10.0.0.11", "lladdr", l.mac("host", "eth0"), "dev", "eth0")
			l.ip("lan", "neigh", "replace", "fd00::11", "lladdr", l.mac("host", "eth0"), "dev", "eth0")
			l.pings("lan", "10.0.0.11")
			l.pings("lan", "fd00::11")
			wire := l.open("lan", "eth0")
			l.pings("lan", "10.0.0.11", "-c", "3")
			l.pings("lan", "fd00::11", "-c", "3")
			// A request to the host ends the capture: what it had to say before has been said.
			l.pings("lan", "10.0.0.1", "-c", "1", "-p", "ab")
			frames := wire.until("the host's reply", func(f []byte) bool { return isEcho(f, 0) && src4(f) == "10.0.0.1" })
			replies := 0
			for _, f := range frames {
				switch {
				case isEcho(f, 0) && src4(f) == "10.0.0.11":
					replies++
				case len(f) > 34 && etherType(f) == 0x0800 && f[23] == 1 && f[34] == 5:
					t.Errorf("an ICMP redirect: % x", f)
				case len(f) > 54 && etherType(f) == 0x86dd && f[20] == 58 && f[54] == 137:
					t.Errorf("an ICMPv6 redirect: % x", f)
				case isARPRequest(f) && bytes.Equal(f[38:42], netip.MustParseAddr("10.0.0.11").AsSlice()) && !bytes.Equal(f[6:12], mustMAC(l.mac("lan", "eth0"))):
					t.Errorf("the host asks for its device: % x", f)
				}
			}
			if replies != 3 {
				t.Errorf("%d replies to 3 requests", replies)
			}
		})
	}
}

func etherType(f []byte) uint16 { return binary.BigEndian.Uint16(f[12:]) }

func src4(f []byte) string { return net.IP(f[26:30]).String() }

// isEcho says that f is an ICMP echo request (8) or reply (0).
func isEcho(f []byte, typ byte) bool {
	return len(f) >= 42 && etherType(f) == 0x0800 && f[23] == 1 && f[34] == typ
}

func isARPRequest(f []byte) bool { return len(f) >= 42 && etherType(f) == 0x0806 && f[21] == 1 }

// Malformed frames of both sides are dropped; the device works on.
func TestMalformedFrames(t *testing.T) {
	l := newL2(t)
	l.pings("lan", "10.0.0.11")
	mm, pm := l.mac("host", "eth0"), l.mac("lan", "eth0")
	good := ipv4("10.0.0.100", "10.0.0.11", 64, 17, udp(1, 2, "x"))
	bad := func(off int, b byte) []byte {
		c := bytes.Clone(good)
		c[off] = b
		return c
	}
	payloads := []struct {
		etherType uint16
		payload   []byte
	}{
		{0x0800, bad(0, 0x55)}, {0x0800, bad(0, 0x41)}, {0x0800, bad(2, 0xff)}, {0x0800, good[:19]}, {0x0800, nil},
		{0x86dd, make([]byte, 10)}, {0x86dd, bytes.Repeat([]byte{0x60}, 40)}, {0x0806, make([]byte, 5)},
		{0x8100, []byte{0}}, {0x8100, []byte{0, 5, 8, 0}}, {0x88a8, make([]byte, 60)}, {0x8808, make([]byte, 46)}, {0, nil}, {0xffff, make([]byte, 1400)},
	}
	wire, dev := l.open("lan", "eth0"), l.open("ns0", "ipvl0")
	for _, mode := range []string{"l2", "l3"} {
		l.ipvl("-n", l.ns("ns1"), "link", "set", "ipvl0", "type", "ipvlan", "mode", mode)
		for _, p := range payloads {
			for _, dst := range []string{mm, "ff:ff:ff:ff:ff:ff", pm, "33:33:00:00:00:01"} {
				wire.send(ether(dst, pm, p.etherType, p.payload))
				dev.send(ether(dst, mm, p.etherType, p.payload))
			}
		}
		l.pings("ns0", "10.0.0.12")
		l.pings("ns0", "10.0.0.100")
	}
	if out := l.ipvl("-j", "-d", "-s", "-n", l.ns("ns0"), "link", "show", "ipvl0"); !strings.Contains(out, "ethertype") {
		t.Errorf("nothing was counted as dropped:\n%s", out)
	}
}

// Only the groups that the workload joined reach its interface.
func TestMulticastFilterIsExact(t *testing.T) {
	l := newL2(t)
	l.pings("lan", "10.0.0.11")
	dev, wire := l.open("ns0", "ipvl0"), l.open("lan", "eth0")
	pm := l.mac("lan", "eth0")
	var group *net.UDPConn
	err := l.in("ns0", func() (err error) {
		i, err := net.InterfaceByName("ipvl0")
		if err != nil {
			return err
		}
		group, err = net.ListenMulticastUDP("udp4", i, &net.UDPAddr{IP: net.IPv4(239, 1, 1, 1), Port: 5000})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer group.Close()
	send := func(mac, dst, data string) {
		wire.send(ether(mac, pm, 0x0800, ipv4("10.0.0.100", dst, 1, 17, udp(5000, 5000, data))))
	}
	has := func(word string) func([]byte) bool {
		return func(f []byte) bool { return bytes.Contains(f, []byte(word)) }
	}
	l.eventually("the group's frames come", func() bool {
		send("01:00:5e:01:01:01", "239.1.1.1", "joined")
		return l.received(group, "joined")
	})
	for i := range 64 {
		send("01:00:5e:09:09:"+string("0123456789abcdef"[i/16])+string("0123456789abcdef"[i%16]), "239.9.9."+itoa(i), "unjoined")
	}
	send("ff:ff:ff:ff:ff:ff", "10.0.0.255", "broadcast")
	for _, f := range dev.until("the broadcast", has("broadcast")) {
		if has("unjoined")(f) {
			t.Errorf("a frame for a group that nobody joined: % x", f[:34])
		}
	}
}
