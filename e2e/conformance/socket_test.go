package conformance

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"

	"golang.org/x/sys/unix"

	"github.com/ipvl/ipvl/nsutil"
)

// socket is one place where frames are seen.
type socket struct {
	port string // how observations name it
	kind socketKind
	fd   int
	// proto is the protocol of a host socket: its frames have no header.
	proto uint16
	// joined says that a socket has joined groups on an interface.
	joined bool
}

type socketKind uint8

const (
	wireSocket   socketKind = iota // everything that the peer receives
	deviceSocket                   // everything that a device receives and sends
	hostSocket                     // what is left to the host's protocols
	sinkSocket                     // a UDP socket: what IP accepted
)

// event is one thing seen.
type event struct {
	*socket
	pkttype uint8
	frame   []byte
	tag     tag
	from    unix.Sockaddr
}

func htons(v uint16) uint16 { return v<<8 | v>>8 }

// in runs f in a network namespace: sockets that it opens belong there.
func in(ns string, f func() error) error {
	ref, err := nsutil.Resolve(ns)
	if err != nil {
		return err
	}
	return ref.Do(f)
}

// openPacket opens a packet socket in a namespace, on an interface or on all.
func openPacket(ns, dev, port string, kind socketKind, proto uint16) (*socket, error) {
	s := &socket{port: port, kind: kind, proto: proto}
	typ := unix.SOCK_RAW
	if kind == hostSocket {
		typ = unix.SOCK_DGRAM
	}
	err := in(ns, func() error {
		sa := &unix.SockaddrLinklayer{Protocol: htons(proto)}
		if dev != "" {
			i, err := net.InterfaceByName(dev)
			if err != nil {
				return err
			}
			sa.Ifindex = i.Index
		}
		fd, err := unix.Socket(unix.AF_PACKET, typ|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		s.fd = fd
		if kind != deviceSocket {
			if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1); err != nil {
				return err
			}
		}
		if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_AUXDATA, 1); err != nil {
			return err
		}
		return unix.Bind(fd, sa)
	})
	if err != nil {
		return nil, fmt.Errorf("packet socket on %s %s: %w", ns, dev, err)
	}
	return s, nil
}

// openSink opens a UDP socket in a namespace; groups are joined on dev.
func openSink(ns, dev, port string, udpPort int, groups ...string) (*socket, error) {
	s := &socket{port: port, kind: sinkSocket}
	err := in(ns, func() error {
		fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		s.fd = fd
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 0); err != nil {
			return err
		}
		if err := unix.Bind(fd, &unix.SockaddrInet6{Port: udpPort}); err != nil {
			return err
		}
		for _, g := range groups {
			if err := join(fd, dev, net.ParseIP(g)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("UDP socket in %s: %w", ns, err)
	}
	return s, nil
}

func join(fd int, dev string, group net.IP) error {
	i, err := net.InterfaceByName(dev)
	if err != nil {
		return err
	}
	if b := group.To4(); b != nil {
		return unix.SetsockoptIPMreqn(fd, unix.IPPROTO_IP, unix.IP_ADD_MEMBERSHIP,
			&unix.IPMreqn{Multiaddr: [4]byte(b), Ifindex: int32(i.Index)})
	}
	return unix.SetsockoptIPv6Mreq(fd, unix.IPPROTO_IPV6, unix.IPV6_JOIN_GROUP,
		&unix.IPv6Mreq{Multiaddr: [16]byte(group), Interface: uint32(i.Index)})
}

// read returns the next event, or false if there is none now.
func (s *socket) read(buf []byte) (event, bool, error) {
	oob := make([]byte, 128)
	for {
		n, oobn, _, from, err := unix.Recvmsg(s.fd, buf, oob, 0)
		switch {
		case errors.Is(err, unix.EAGAIN):
			return event{}, false, nil
		case errors.Is(err, unix.ENETDOWN), errors.Is(err, unix.ECONNREFUSED), errors.Is(err, unix.EINTR):
			continue // told once
		case err != nil:
			return event{}, false, fmt.Errorf("read on %s: %w", s.port, err)
		}
		e := event{socket: s, frame: append([]byte(nil), buf[:n]...), from: from}
		if ll, ok := from.(*unix.SockaddrLinklayer); ok {
			e.pkttype = ll.Pkttype
		}
		e.tag = auxiliary(oob[:oobn])
		return e, true, nil
	}
}

// auxiliary finds the VLAN tag in struct tpacket_auxdata.
func auxiliary(oob []byte) tag {
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return tag{}
	}
	for _, m := range msgs {
		if m.Header.Level == unix.SOL_PACKET && m.Header.Type == unix.PACKET_AUXDATA && len(m.Data) >= 20 {
			status := binary.NativeEndian.Uint32(m.Data)
			if status&unix.TP_STATUS_VLAN_VALID != 0 {
				return tag{true, binary.NativeEndian.Uint16(m.Data[18:]), binary.NativeEndian.Uint16(m.Data[16:])}
			}
		}
	}
	return tag{}
}

// send sends a frame, with its EtherType as the socket's protocol: kernels
// before 6.8 do not look for it.
func (s *socket) send(frame []byte, ifindex int) error {
	sa := &unix.SockaddrLinklayer{Ifindex: ifindex, Halen: 6}
	if len(frame) >= 14 {
		sa.Protocol = binary.NativeEndian.Uint16(frame[12:])
		copy(sa.Addr[:], frame)
	}
	return unix.Sendto(s.fd, frame, 0, sa)
}

func (s *socket) close() { _ = unix.Close(s.fd) }
