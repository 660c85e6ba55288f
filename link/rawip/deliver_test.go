package rawip

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"testing"
	"time"
)

// setting is what the host does with strangers' packets.
type setting struct{ forward, rpFilter string }

// settings runs f for each on a fresh host.
func settings(t *testing.T, f func(t *testing.T, h *host)) {
	for _, s := range []setting{{"0", "0"}, {"0", "1"}, {"1", "1"}, {"1", "2"}} {
		t.Run(fmt.Sprintf("forward=%s,rp_filter=%s", s.forward, s.rpFilter), func(t *testing.T) {
			h := newHost(t)
			h.Sysctl(t, "ipv4/ip_forward", s.forward)
			h.Sysctl(t, "ipv6/conf/all/forwarding", s.forward)
			for _, i := range []string{"all", "default", "lo", "m0"} {
				h.Sysctl(t, "ipv4/conf/"+i+"/rp_filter", s.rpFilter)
			}
			f(t, h)
		})
	}
}

// TestUDPFromUnroutableSource sends from addresses that the host has no route to.
func TestUDPFromUnroutableSource(t *testing.T) {
	settings(t, func(t *testing.T, h *host) {
		for _, c := range []struct{ src, dst, zone, dev string }{
			{dev4, host4, "", ""},
			{dev4, host4, "", "m0"},
			{dev6, host6, "", ""},
			{dev6, host6, "", "m0"},
			{dev6, lladdr, "%m0", ""},
			{dev6, lladdr, "%m0", "m0"},
			{"fe80::99", host6, "", "m0"},
		} {
			addr := c.dst + c.zone
			if netip.MustParseAddr(c.dst).Is6() {
				addr = "[" + addr + "]"
			}
			conn := h.listen(t, addr+":0", c.dev)
			for _, write := range []func([]byte) error{h.port.WriteFrame, inPieces(h.port)} {
				if err := write(udpFrame(c.src, c.dst, portOf(conn.LocalAddr()), []byte("hello"))); err != nil {
					t.Fatalf("%+v: %v", c, err)
				}
				var b [100]byte
				n, from, err := conn.ReadFromUDPAddrPort(b[:])
				if err != nil || string(b[:n]) != "hello" || from.Port() != 1000 || from.Addr().Unmap().WithZone("").String() != c.src {
					t.Errorf("%+v: got %q from %v, %v", c, b[:n], from, err)
				}
			}
		}
	})
}

// inPieces is WriteVec in the pieces that netstacks give: one for each header.
func inPieces(p *Port) func([]byte) error {
	return func(b []byte) error {
		return p.WriteVec([][]byte{b[:10], b[10:24], b[24:44], nil, b[44:]})
	}
}

func TestTCPHandshake(t *testing.T) {
	settings(t, func(t *testing.T, h *host) {
		for _, c := range []struct{ src, dst string }{{dev4, host4}, {dev6, host6}} {
			h.routeBack(t, c.src)
			var ln net.Listener
			h.Do(t, func() (err error) { ln, err = net.Listen("tcp", net.JoinHostPort(c.dst, "0")); return err })
			t.Cleanup(func() { ln.Close() })
			port := portOf(ln.Addr())
			const syn, ack, seq = 2, 16, 7000
			send := func(b []byte) {
				t.Helper()
				if err := h.port.WriteFrame(b); err != nil {
					t.Fatal(err)
				}
			}
			send(tcpFrame(c.src, c.dst, port, seq, 0, syn, nil))
			reply := h.answer(t, c.src, tcp)
			if reply[13] != syn|ack || binary.BigEndian.Uint32(reply[8:]) != seq+1 {
				t.Fatalf("%s: answer %x, want SYN and ACK", c.src, reply)
			}
			next := binary.BigEndian.Uint32(reply[4:]) + 1
			send(tcpFrame(c.src, c.dst, port, seq+1, next, ack, []byte("hello")))
			ln.(*net.TCPListener).SetDeadline(time.Now().Add(patience))
			conn, err := ln.Accept()
			if err != nil {
				t.Fatal(err)
			}
			// Reset it: nobody answers its FIN, and while the kernel repeats that
			// it holds on to the route, and to the namespace's interfaces.
			t.Cleanup(func() {
				_ = conn.(*net.TCPConn).SetLinger(0)
				conn.Close()
			})
			conn.SetReadDeadline(time.Now().Add(patience))
			var b [5]byte
			if _, err := io.ReadFull(conn, b[:]); err != nil || string(b[:]) != "hello" || conn.RemoteAddr().String() != net.JoinHostPort(c.src, "1000") {
				t.Errorf("got %q from %v, %v", b, conn.RemoteAddr(), err)
			}
		}
	})
}

func TestEcho(t *testing.T) {
	settings(t, func(t *testing.T, h *host) {
		for _, c := range []struct {
			src, dst string
			proto    byte
			reply    byte
		}{{dev4, host4, icmp, 0}, {dev6, host6, icmpv6, 129}} {
			h.routeBack(t, c.src)
			if err := h.port.WriteFrame(echoFrame(c.src, c.dst, []byte("ping"))); err != nil {
				t.Fatal(err)
			}
			if b := h.answer(t, c.src, c.proto); b[0] != c.reply || string(b[8:12]) != "ping" {
				t.Errorf("%s: answer %x", c.src, b)
			}
		}
	})
}

// TestFragments has the host put together what came in two frames.
func TestFragments(t *testing.T) {
	h := newHost(t)
	conn := h.listen(t, host4+":0", "")
	whole := udpFrame(dev4, host4, portOf(conn.LocalAddr()), []byte("0123456789abcdef"))
	l4 := whole[offIP+ipv4Len:]
	src, dst := netip.MustParseAddr(dev4), netip.MustParseAddr(host4)
	first := sealed(sealed(ipFrame(src, dst, udp, l4[:16]), 4, 9), 6, 0x20) // id, more fragments
	second := sealed(sealed(ipFrame(src, dst, udp, l4[16:]), 4, 9), 7, 2)   // id, offset
	for _, b := range [][]byte{first, second} {
		if err := h.port.WriteFrame(b); err != nil {
			t.Fatal(err)
		}
	}
	var b [100]byte
	if n, err := conn.Read(b[:]); err != nil || string(b[:n]) != "0123456789abcdef" {
		t.Errorf("got %q, %v", b[:n], err)
	}
}

// TestLengths sends packets at both sides of the limits.
func TestLengths(t *testing.T) {
	h := newHost(t)
	for _, c := range []struct {
		src, dst string
		mtu      int
		payload  int
		want     error
	}{
		{dev4, host4, 65536, 65535 - 28, nil},
		{dev6, host6, 65536, 65535 - 40 - 8, nil},
		{dev6, host6, 65536, 65535 - 8, ErrTooLong}, // 65575 with its header
		{dev4, host4, 1500, 1472, nil},
		{dev4, host4, 1500, 1473, ErrTooLong},
		{dev6, host6, 1500, 1452, nil},
		{dev6, host6, 1500, 1453, ErrTooLong},
	} {
		t.Run(c.src+"/"+strconv.Itoa(c.mtu)+"/"+strconv.Itoa(c.payload), func(t *testing.T) {
			h.SetMTU(t, "lo", c.mtu)
			conn := h.listen(t, net.JoinHostPort(c.dst, "0"), "")
			b := udpFrame(c.src, c.dst, portOf(conn.LocalAddr()), make([]byte, c.payload))
			for _, write := range []func([]byte) error{h.port.WriteFrame, inPieces(h.port)} {
				if err := write(b); err != c.want {
					t.Fatalf("%v, want %v", err, c.want)
				}
				if c.want != nil {
					continue
				}
				if n, err := conn.Read(make([]byte, 1<<16)); err != nil || n != c.payload {
					t.Errorf("%d bytes arrived, %v", n, err)
				}
			}
		})
	}
}
