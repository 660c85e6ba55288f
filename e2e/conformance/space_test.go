package conformance

import (
	"errors"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"

	"github.com/ipvl/ipvl/nsutil"
	"github.com/ipvl/ipvl/nsutil/rtnl"
)

// space is a network namespace of the topology, with a socket to configure it
// by: worlds are built too often to run ip(8) for each of their addresses.
type space struct {
	name string
	file *os.File
	conn *rtnl.Conn
	news int // a socket that hears of interfaces
}

// spaceNames are the namespaces, by the names that ip(8) knows.
var spaceNames = []string{"host", "lan", "na", "nb", "nc"}

// newSpace makes a namespace, silent, with its loopback up.
func newSpace(name string) (*space, error) {
	if _, err := output("", "ip", "netns", "add", name); err != nil {
		return nil, err
	}
	ref, err := nsutil.Resolve(name)
	if err != nil {
		return nil, err
	}
	s := &space{name: name}
	if s.file, err = ref.Open(); err != nil {
		return nil, err
	}
	err = ref.Do(func() (err error) {
		if err := quiet(); err != nil {
			return err
		}
		s.conn, err = rtnl.Dial()
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := s.openNews(); err != nil {
		return nil, err
	}
	return s, s.setLink("lo", unix.IFF_UP, unix.IFF_UP)
}

// end deletes the namespace.
func (s *space) end() error {
	errs := []error{s.file.Close(), s.conn.Close(), unix.Close(s.news)}
	_, err := output("", "ip", "netns", "del", s.name)
	return errors.Join(append(errs, err)...)
}

// index is that of an interface, which has to be there.
func (s *space) index(name string) (int, error) {
	l, err := s.conn.Link(0, name)
	if err != nil {
		return 0, fmt.Errorf("%s in %s: %w", name, s.name, err)
	}
	return l.Index, nil
}

func (s *space) setLink(name string, flags, mask uint32) error {
	i, err := s.index(name)
	if err != nil {
		return err
	}
	return s.conn.Do(unix.RTM_NEWLINK, 0, rtnl.LinkHeader(i, flags, mask).Bytes())
}

// delLink deletes an interface, if it is there.
func (s *space) delLink(name string) error {
	i, err := s.index(name)
	if err != nil {
		return nil
	}
	return s.conn.Do(unix.RTM_DELLINK, 0, rtnl.LinkHeader(i, 0, 0).Bytes())
}

// addVeth makes a pair, with its other end in a namespace of its own.
func (s *space) addVeth(name, mac string, peer *space, peerName, peerMAC string) error {
	end := rtnl.LinkHeader(0, 0, 0).String(unix.IFLA_IFNAME, peerName).Uint32(unix.IFLA_NET_NS_FD, uint32(peer.file.Fd()))
	if peerMAC != "" {
		end.Attr(unix.IFLA_ADDRESS, mustMAC(macs[peerMAC]))
	}
	return s.addLink(name, rtnl.LinkHeader(0, 0, 0).Attr(unix.IFLA_ADDRESS, mustMAC(macs[mac])), "veth",
		new(rtnl.Builder).Nest(1, end)) // VETH_INFO_PEER
}

func (s *space) addLink(name string, link *rtnl.Builder, kind string, data *rtnl.Builder) error {
	info := new(rtnl.Builder).String(unix.IFLA_INFO_KIND, kind).Nest(unix.IFLA_INFO_DATA, data)
	body := link.String(unix.IFLA_IFNAME, name).Nest(unix.IFLA_LINKINFO, info).Bytes()
	if err := s.conn.Do(unix.RTM_NEWLINK, unix.NLM_F_CREATE|unix.NLM_F_EXCL, body); err != nil {
		return fmt.Errorf("make %s in %s: %w", name, s.name, err)
	}
	return nil
}

// addIPVLAN makes a device of the kernel's driver in another namespace.
func (s *space) addIPVLAN(master, name string, to *space, w world) error {
	i, err := s.index(master)
	if err != nil {
		return err
	}
	mode := map[string]byte{"l2": 0, "l3": 1, "l3s": 2}[w.mode]
	flag := map[string]byte{"private": 1, "vepa": 2}[w.flag]
	link := rtnl.LinkHeader(0, 0, 0).Uint32(unix.IFLA_LINK, uint32(i)).Uint32(unix.IFLA_NET_NS_FD, uint32(to.file.Fd()))
	return s.addLink(name, link, "ipvlan",
		new(rtnl.Builder).Attr(unix.IFLA_IPVLAN_MODE, []byte{mode, 0}).Attr(unix.IFLA_IPVLAN_FLAGS, []byte{flag, 0}))
}

// addAddr gives an interface an address, by its role and prefix length.
func (s *space) addAddr(dev, prefix string) error {
	p, err := prefixOf(prefix)
	if err != nil {
		return err
	}
	i, err := s.index(dev)
	if err != nil {
		return err
	}
	return s.conn.Do(unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_EXCL, rtnl.AddrBody(i, p, 0).Bytes())
}

// addNeigh gives an interface a neighbour for ever.
func (s *space) addNeigh(dev int, address string, mac net.HardwareAddr) error {
	a, err := addr(address)
	if err != nil {
		return err
	}
	h := make([]byte, unix.SizeofNdMsg)
	h[0] = unix.AF_INET
	if a.Is6() {
		h[0] = unix.AF_INET6
	}
	h[4], h[8] = byte(dev), unix.NUD_PERMANENT
	h[5], h[6], h[7] = byte(dev>>8), byte(dev>>16), byte(dev>>24)
	body := new(rtnl.Builder).Raw(h).Attr(unix.NDA_DST, a.AsSlice()).Attr(unix.NDA_LLADDR, mac)
	return s.conn.Do(unix.RTM_NEWNEIGH, unix.NLM_F_CREATE|unix.NLM_F_REPLACE, body.Bytes())
}
