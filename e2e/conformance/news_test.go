package conformance

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/ipvl/ipvl/nsutil/rtnl"
)

// openNews listens to what a namespace tells of its interfaces.
func (s *space) openNews() error {
	return in(s.name, func() error {
		fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
		if err != nil {
			return err
		}
		s.news = fd
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 1<<20); err != nil {
			return err
		}
		return unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: unix.RTMGRP_LINK})
	})
}

// readNews returns what has been told of one interface since the last time:
// each thing once, because a change in two steps is told of twice.
func (s *space) readNews(dev string) ([]string, error) {
	lines, buf := []string{}, make([]byte, 1<<16)
	for {
		n, _, err := unix.Recvfrom(s.news, buf, 0)
		switch {
		case errors.Is(err, unix.EAGAIN):
			slices.Sort(lines)
			return slices.Compact(lines), nil
		case errors.Is(err, unix.ENOBUFS):
			lines = append(lines, "too much news")
			continue
		case err != nil:
			return nil, err
		}
		for b := buf[:n]; ; {
			m, rest, ok := rtnl.Next(b)
			if !ok {
				break
			}
			b = rest
			// A bridge tells of its ports by the same messages.
			if link, err := rtnl.ParseLink(m.Data); err == nil && link.Name == dev {
				if m.Type == unix.RTM_DELLINK {
					lines = lines[:0] // how it came to its end is no matter
				}
				lines = append(lines, newsLine(m.Type, link))
			}
		}
	}
}

func newsLine(typ uint16, l rtnl.Link) string {
	if typ == unix.RTM_DELLINK {
		return "news deleted"
	}
	var flags []string
	for _, f := range []struct {
		name string
		bit  uint32
	}{{"UP", unix.IFF_UP}, {"LOWER_UP", unix.IFF_LOWER_UP}, {"NOARP", unix.IFF_NOARP}, {"PROMISC", unix.IFF_PROMISC}, {"ALLMULTI", unix.IFF_ALLMULTI}} {
		if l.Flags&f.bit != 0 {
			flags = append(flags, f.name)
		}
	}
	return fmt.Sprintf("news mtu %d address %s flags %s", l.MTU, macName(l.Address), strings.Join(flags, ","))
}
