package e2e

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// raw is a packet socket on an interface: what a capture sees, and a way to
// send any frame.
type raw struct {
	l    *lan
	file *os.File
	fd   int
}

const ethPAll = 0x0300 // ETH_P_ALL in network order

// open makes a packet socket in a namespace. It sees frames both ways.
func (l *lan) open(ns, dev string) *raw {
	l.t.Helper()
	r := &raw{l: l}
	err := l.in(ns, func() error {
		i, err := net.InterfaceByName(dev)
		if err != nil {
			return err
		}
		r.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		return unix.Bind(r.fd, &unix.SockaddrLinklayer{Protocol: ethPAll, Ifindex: i.Index})
	})
	if err != nil {
		l.t.Fatal(err)
	}
	r.file = os.NewFile(uintptr(r.fd), "packet socket")
	l.t.Cleanup(func() { r.file.Close() })
	return r
}

func (r *raw) send(frame []byte) {
	r.l.t.Helper()
	if _, err := r.file.Write(frame); err != nil {
		r.l.t.Fatalf("send % x: %v", frame, err)
	}
}

// until reads frames until one satisfies last, and returns all of them.
func (r *raw) until(what string, last func(frame []byte) bool) [][]byte {
	r.l.t.Helper()
	if err := r.file.SetReadDeadline(time.Now().Add(patience)); err != nil {
		r.l.t.Fatal(err)
	}
	var all [][]byte
	buf := make([]byte, 1<<16)
	for {
		n, err := r.file.Read(buf)
		if errors.Is(err, unix.ENETDOWN) {
			continue
		}
		if err != nil {
			r.l.t.Fatalf("%s was not seen: %v\n%s", what, err, r.l.state())
		}
		frame := append([]byte(nil), buf[:n]...)
		all = append(all, frame)
		if last(frame) {
			return all
		}
	}
}

func mustMAC(s string) []byte {
	m, err := net.ParseMAC(s)
	if err != nil {
		panic(err)
	}
	return m
}

func ether(dst, src string, etherType uint16, payload []byte) []byte {
	b := append(mustMAC(dst), mustMAC(src)...)
	b = binary.BigEndian.AppendUint16(b, etherType)
	return append(b, payload...)
}

// ipv4 is a packet with a right header checksum.
func ipv4(src, dst string, ttl, proto byte, payload []byte) []byte {
	b := []byte{0x45, 0, 0, 0, 0, 0, 0, 0, ttl, proto, 0, 0}
	b = append(b, netip.MustParseAddr(src).AsSlice()...)
	b = append(b, netip.MustParseAddr(dst).AsSlice()...)
	binary.BigEndian.PutUint16(b[2:], uint16(20+len(payload)))
	var sum uint32
	for i := 0; i < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	sum = sum>>16 + sum&0xffff
	binary.BigEndian.PutUint16(b[10:], ^uint16(sum+sum>>16))
	return append(b, payload...)
}

// udp is a datagram without a checksum.
func udp(sport, dport uint16, data string) []byte {
	b := binary.BigEndian.AppendUint16(nil, sport)
	b = binary.BigEndian.AppendUint16(b, dport)
	b = binary.BigEndian.AppendUint16(b, uint16(8+len(data)))
	return append(append(b, 0, 0), data...)
}
