package conformance

import (
	"net"
	"slices"

	"golang.org/x/sys/unix"
)

// hostProtocols are the EtherTypes that are watched for in the host, beyond
// IP: all that the cases use. 4 and 1 are what the kernel makes of 802.3
// frames.
var hostProtocols = []uint16{0x0800, 0x0806, 0x86dd, 0x88b5, 0x88b6, 0x9999, 0x88cc, 0x8808, 0x888e, 0x8863, 0x8100, 0x88a8, 0x8035, 4, 1}

// open opens all ports of a fresh world. Those in the host, and sockets that no
// interface matters to, stay from world to world.
func (l *lab) open() error {
	l.index, l.spaceOf = map[string]int{}, map[string]string{}
	add := func(s *socket, err error) error {
		if err == nil {
			l.sockets = append(l.sockets, s)
		}
		return err
	}
	if len(l.sockets) == 0 {
		for _, proto := range hostProtocols {
			if err := add(openPacket("host", "", "host", hostSocket, proto)); err != nil {
				return err
			}
		}
		for ns, port := range map[string]string{"host": "host", "na": "a", "nb": "b", "nc": "c"} {
			if err := add(openSink(ns, "", port+" udp", sentinelPort)); err != nil {
				return err
			}
			if ns == "na" {
				continue
			}
			if err := add(openSink(ns, "", port+" udp", 7)); err != nil {
				return err
			}
		}
	}
	s, err := openSink("na", "va", "a udp", 7, "239.1.1.1", "ff05::101")
	if err != nil {
		return err
	}
	s.joined = true
	l.sockets = append(l.sockets, s)
	for port, dev := range map[string]string{"wire": "p0", "other": "o1"} {
		if err := add(openPacket("lan", dev, port, wireSocket, unix.ETH_P_ALL)); err != nil {
			return err
		}
	}
	return nil
}

// reopen follows devices that came and went.
func (l *lab) reopen() error {
	if l.state.mac != "" { // else the master is gone, and with it the wire
		if err := in("lan", func() error { return l.indexOf("wire", "p0") }); err != nil {
			return err
		}
	}
	for _, d := range l.state.devices {
		before, beforeNS := l.index[d.name], l.spaceOf[d.name]
		l.spaceOf[d.name] = d.ns
		if d.there {
			if err := in(d.ns, func() error { return l.indexOf(d.name, "v"+d.name) }); err != nil {
				return err
			}
		}
		at := slices.IndexFunc(l.sockets, func(s *socket) bool { return s.kind == deviceSocket && s.port == d.name })
		if at >= 0 && d.there && before == l.index[d.name] && beforeNS == d.ns {
			continue
		}
		if at >= 0 {
			l.sockets[at].close()
			l.sockets = slices.Delete(l.sockets, at, at+1)
		}
		if d.there {
			s, err := openPacket(d.ns, "v"+d.name, d.name, deviceSocket, unix.ETH_P_ALL)
			if err != nil {
				return err
			}
			l.sockets = append(l.sockets, s)
		}
	}
	return nil
}

func (l *lab) indexOf(port, dev string) error {
	i, err := net.InterfaceByName(dev)
	if err == nil {
		l.index[port] = i.Index
	}
	return err
}

// closeSockets closes those that belong to interfaces of the world before.
func (l *lab) closeSockets() {
	l.sockets = slices.DeleteFunc(l.sockets, func(s *socket) bool {
		if s.kind == hostSocket || s.kind == sinkSocket && !s.joined {
			return false
		}
		s.close()
		return true
	})
}

// socketOf is the socket to send from.
func (l *lab) socketOf(port string) *socket {
	i := slices.IndexFunc(l.sockets, func(s *socket) bool {
		return s.port == port && (s.kind == wireSocket || s.kind == deviceSocket)
	})
	if i < 0 {
		return nil
	}
	return l.sockets[i]
}
