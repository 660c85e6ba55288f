package packet

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"unsafe"

	"github.com/ipvl/ipvl/link/internal/fdio"
	"github.com/ipvl/ipvl/link/vnet"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// setUp makes fd a port's socket: options and filter first, then the interface.
// On failure it tells which step failed.
func setUp(fd int, o Options, prog []bpf.RawInstruction) (op string, err error) {
	for _, opt := range []struct {
		name int
		op   string
	}{
		{unix.PACKET_VNET_HDR, "set PACKET_VNET_HDR"},
		{unix.PACKET_AUXDATA, "set PACKET_AUXDATA"},
		{unix.PACKET_IGNORE_OUTGOING, "set PACKET_IGNORE_OUTGOING (Linux 4.20)"},
	} {
		if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, opt.name, 1); err != nil {
			return opt.op, err
		}
	}
	if err := fdio.SetBuffer(fd, unix.SO_RCVBUFFORCE, unix.SO_RCVBUF, cmp.Or(o.RcvBuf, DefaultBuf)); err != nil {
		return "set receive buffer", err
	}
	if err := fdio.SetBuffer(fd, unix.SO_SNDBUFFORCE, unix.SO_SNDBUF, cmp.Or(o.SndBuf, DefaultBuf)); err != nil {
		return "set send buffer", err
	}
	if err := attachOrShorten(fd, o.Filter, prog); err != nil {
		return "set filter", err
	}
	return bind(fd, o)
}

// attach compiles f and attaches it.
func attach(fd int, f Filter) error {
	prog, err := Program(f)
	if err != nil {
		return err
	}
	return attachOrShorten(fd, f, prog)
}

// attachOrShorten attaches prog, or shorter programs for f while the kernel has
// no room: net.core.optmem_max counts the old and the new filter.
func attachOrShorten(fd int, f Filter, prog []bpf.RawInstruction) error {
	for {
		err := attachProgram(fd, prog)
		if err == nil || !errors.Is(err, unix.ENOMEM) || len(prog) < 64 {
			return err
		}
		if prog, err = compile(f, len(prog)/2); err != nil {
			return err
		}
	}
}

func attachProgram(fd int, prog []bpf.RawInstruction) error {
	fprog := unix.SockFprog{
		Len:    uint16(len(prog)),
		Filter: (*unix.SockFilter)(unsafe.Pointer(unsafe.SliceData(prog))), // same layout
	}
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &fprog)
}

// bind starts reception from o.Index.
func bind(fd int, o Options) (op string, err error) {
	all := binary.NativeEndian.Uint16([]byte{0, unix.ETH_P_ALL}) // in network byte order
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Ifindex: o.Index, Protocol: all}); err != nil {
		return "bind", err
	}
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return "bind", err
	}
	if ll, ok := sa.(*unix.SockaddrLinklayer); !ok || ll.Hatype != unix.ARPHRD_ETHER {
		return "bind", fmt.Errorf("not an Ethernet interface: %w", unix.EPROTONOSUPPORT)
	}
	if err := join(fd, o.Index, unix.PACKET_MR_PROMISC, o.Promisc); err != nil {
		return "receive for all MAC addresses", err
	}
	if err := join(fd, o.Index, unix.PACKET_MR_ALLMULTI, o.AllMulti); err != nil {
		return "receive for all groups", err
	}
	return "", nil
}

// join makes the interface receive more, until the socket is closed.
func join(fd, index int, typ uint16, on bool) error {
	if !on {
		return nil
	}
	mreq := unix.PacketMreq{Ifindex: int32(index), Type: typ}
	return unix.SetsockoptPacketMreq(fd, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP, &mreq)
}

// isUp tells whether interface index, which fd is bound to, is up. The error is
// ErrGone when it was deleted or left the network namespace.
func isUp(fd, index int) (bool, error) {
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return false, err
	}
	// The kernel sets the index to -1 when the interface goes (packet_notifier).
	if ll, ok := sa.(*unix.SockaddrLinklayer); !ok || ll.Ifindex != index {
		return false, ErrGone
	}
	ifr, err := unix.NewIfreq("")
	if err != nil {
		return false, err
	}
	// The flags go by name. An error is a rename or a deletion in this very
	// moment; it is as good as being down, the next look tells more.
	ifr.SetUint32(uint32(index))
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFNAME, ifr); err != nil {
		return false, nil
	}
	if ifr, err = unix.NewIfreq(ifr.Name()); err != nil {
		return false, err
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, ifr); err != nil {
		return false, nil
	}
	return ifr.Uint16()&unix.IFF_UP != 0, nil
}

// features is what virtio_net_hdr_to_skb of the running kernel understands. It
// has no probe without side effects, so the release decides: UDP segmentation
// came with 6.2.
func features() vnet.Features {
	var u unix.Utsname
	var major, minor int
	if err := unix.Uname(&u); err == nil {
		release := u.Release[:max(0, bytes.IndexByte(u.Release[:], 0))]
		fmt.Sscanf(string(release), "%d.%d", &major, &minor)
	}
	if major > 6 || major == 6 && minor >= 2 {
		return vnet.FeaturesAll
	}
	return vnet.FeaturesAll &^ vnet.FeatureUSO
}
