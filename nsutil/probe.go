package nsutil

import (
	"errors"
	"os"
	"os/exec"
	"syscall"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"

	"github.com/ipvl/ipvl/nsutil/rtnl"
)

// Capabilities is what this process can ask of this kernel, in the namespace
// of the calling thread: nil where it works, else why not.
type Capabilities struct {
	// Tun: /dev/net/tun can be opened. Without it, devices are veth pairs.
	Tun error
	// Admin: interfaces can be made and changed (CAP_NET_ADMIN).
	Admin error
	// Packet: packet sockets, which the uplink and veth pairs need (CAP_NET_RAW).
	Packet error
	// NFT: nftables tables of family netdev, which HostGuard and veth pairs need.
	NFT error
	// AllNSID: one netlink socket hears all namespaces (CAP_NET_BROADCAST).
	AllNSID error
	// UserNS: this process can make a user namespace.
	UserNS error
}

// Probe tries them. It leaves nothing behind.
func Probe() Capabilities {
	return Capabilities{
		Tun:     probeTun(),
		Admin:   probeAdmin(),
		Packet:  probePacket(),
		NFT:     probeNFT(),
		AllNSID: probeAllNSID(),
		UserNS:  probeUserNS(),
	}
}

func probeTun() error {
	fd, err := openTun()
	if err != nil {
		return err
	}
	return unix.Close(fd)
}

func probeAdmin() error {
	c, err := rtnl.Dial()
	if err != nil {
		return wrap("administer interfaces", "", err)
	}
	defer c.Close()
	return wrap("administer interfaces", "", mayAdminister(c))
}

func probePacket() error {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return wrap("open a packet socket", "", err)
	}
	return unix.Close(fd)
}

// probeNFT adds a table and deletes it in one transaction, so that nobody ever
// sees it.
func probeNFT() error {
	conn, err := nftables.New()
	if err != nil {
		return wrap("use nftables", "", err)
	}
	t := conn.AddTable(&nftables.Table{Family: nftables.TableFamilyNetdev, Name: tempName("p")})
	conn.DelTable(t)
	return wrap("use nftables of family netdev", "", conn.Flush())
}

func probeAllNSID() error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return wrap("listen to all namespaces", "", err)
	}
	defer unix.Close(fd)
	return wrap("listen to all namespaces", "",
		unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_LISTEN_ALL_NSID, 1))
}

// probeUserNS starts a command that is not one: the namespace is made, and
// its maps are written, before execve fails.
func probeUserNS() error {
	cmd := exec.Cmd{Path: "/proc/self/exe/no-such-program"}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}},
	}
	err := cmd.Start()
	if errors.Is(err, unix.ENOTDIR) {
		return nil
	}
	return wrap("make a user namespace", "", err)
}
