package nsutil

import (
	"errors"
	"os"
	"syscall"

	"github.com/songgao/water"
	"golang.org/x/sys/unix"

	"github.com/ipvl/ipvl/nsutil/rtnl"
)

const tunPath = "/dev/net/tun"

// tunError says that /dev/net/tun cannot be opened.
type tunError struct{ err error }

func (e *tunError) Error() string {
	return "open " + tunPath + ": " + e.err.Error()
}

func (e *tunError) Unwrap() error { return e.err }

// cannotOpenTun tells whether err is about opening /dev/net/tun, not about the
// interface.
func cannotOpenTun(err error) bool {
	var e *tunError
	return errors.As(err, &e)
}

// openTun opens the clone device, non-blocking, for Go's poller.
func openTun() (int, error) {
	fd, err := unix.Open(tunPath, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, &tunError{err}
	}
	return fd, nil
}

// openTAP makes a TAP that puts a virtio-net header before each frame. The
// library that makes it cannot ask for the header, so there are two ways:
// reattach, and where the device must have a certain index, secondQueue.
func openTAP(name string, index int, home *rtnl.Conn) (*os.File, error) {
	fd, err := openTun()
	if err != nil {
		return nil, err
	}
	if index != 0 {
		defer unix.Close(fd)
		return secondQueue(fd, name, index)
	}
	if err := reattach(fd, name, home); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), tunPath), nil
}

// reattach lets the library make a persistent device and let go of it: who
// attaches to that anew may choose the flags again. For a moment there is a
// device that outlives the process; CleanupStale knows it by its name.
func reattach(fd int, name string, home *rtnl.Conn) error {
	// Where TUNSETIFF fails the library leaves its descriptor open.
	if err := mayAdminister(home); err != nil {
		return err
	}
	h, err := claim(name)
	if err != nil {
		return err
	}
	defer h.release()
	ifc, err := newWater(water.PlatformSpecificParams{Name: name, Persist: true})
	if err != nil {
		return err
	}
	if err := errors.Join(ifc.Close(), attach(fd, name, 0)); err != nil {
		_ = home.Do(unix.RTM_DELLINK, 0, rtnl.LinkHeader(0, 0, 0).String(unix.IFLA_IFNAME, name).Bytes())
		return err
	}
	if err := unix.IoctlSetInt(fd, unix.TUNSETPERSIST, 0); err != nil {
		return err
	}
	return setHeader(fd)
}

// newWater makes or attaches to a TAP. The library opens its descriptor without
// close-on-exec: no child must be started meanwhile, it would keep the device busy.
func newWater(p water.PlatformSpecificParams) (*water.Interface, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	ifc, err := water.New(water.Config{DeviceType: water.TAP, PlatformSpecificParams: p})
	if err != nil || !p.MultiQueue {
		return ifc, err
	}
	if f, ok := ifc.ReadWriteCloser.(*os.File); ok {
		err = control(f, func(fd int) error {
			unix.CloseOnExec(fd)
			return nil
		})
	}
	return ifc, err
}

// secondQueue makes a multi-queue device with the flags and the index, and lets
// the library attach a queue, which inherits the flags. The descriptor fd is
// not needed any more then.
func secondQueue(fd int, name string, index int) (*os.File, error) {
	if err := unix.IoctlSetPointerInt(fd, unix.TUNSETIFINDEX, index); err != nil {
		return nil, err
	}
	if err := attach(fd, name, unix.IFF_MULTI_QUEUE); err != nil {
		return nil, err
	}
	ifc, err := newWater(water.PlatformSpecificParams{Name: name, MultiQueue: true})
	if err != nil {
		return nil, err
	}
	file, ok := ifc.ReadWriteCloser.(*os.File)
	if ok {
		err = control(file, setHeader)
	}
	if !ok || err != nil {
		ifc.Close()
		return nil, errors.Join(unix.ENOTSUP, err)
	}
	return file, nil
}

// attach is TUNSETIFF with the flags that the data path needs.
func attach(fd int, name string, flags uint16) error {
	ifr, err := unix.NewIfreq(name)
	if err != nil {
		return err
	}
	ifr.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI | unix.IFF_VNET_HDR | flags)
	return unix.IoctlIfreq(fd, unix.TUNSETIFF, ifr)
}

// setHeader sets the form of the header and the offloads that it can tell of.
func setHeader(fd int) error {
	if err := unix.IoctlSetPointerInt(fd, unix.TUNSETVNETHDRSZ, vnetHeaderLen); err != nil {
		return err
	}
	err := unix.IoctlSetInt(fd, unix.TUNSETOFFLOAD, tunFeatures|tunFeaturesUSO)
	if errors.Is(err, unix.EINVAL) {
		err = unix.IoctlSetInt(fd, unix.TUNSETOFFLOAD, tunFeatures)
	}
	return err
}

// mayAdminister asks whether the caller may make interfaces: a request about
// one that cannot be is refused with EPERM first.
func mayAdminister(c *rtnl.Conn) error {
	err := c.Do(unix.RTM_DELLINK, 0, rtnl.LinkHeader(1<<31-1, 0, 0).Bytes())
	if errors.Is(err, unix.EPERM) {
		return err
	}
	return nil
}

// control runs fn with the descriptor of f, which stays non-blocking and open
// meanwhile.
func control(f *os.File, fn func(fd int) error) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var fnErr error
	if err := raw.Control(func(fd uintptr) { fnErr = fn(int(fd)) }); err != nil {
		return err
	}
	return fnErr
}

// ioctl is control for calls that fail with EBADFD once the device is gone.
func (t *TAP) ioctl(fn func(fd int) error) error {
	err := control(t.file, fn)
	if errors.Is(err, unix.EBADFD) || err != nil && t.closed.Load() {
		return errors.Join(ErrGone, err)
	}
	return err
}

// Netns opens the namespace where the device is now. Close it at once: it
// keeps the namespace alive.
func (t *TAP) Netns() (*os.File, error) {
	var ns *os.File
	err := t.ioctl(func(fd int) error {
		n, err := unix.IoctlRetInt(fd, unix.TUNGETDEVNETNS)
		if errors.Is(err, unix.EINVAL) {
			return ErrGone // the namespace is being torn down (get_net_ns)
		}
		if err == nil {
			unix.CloseOnExec(n)
			ns = os.NewFile(uintptr(n), "netns of tap")
		}
		return err
	})
	return ns, wrap("find the network namespace of", KindTAP, err)
}

// ifName asks the descriptor for the name (TUNGETIFF), which follows renames.
func (t *TAP) ifName() (string, error) {
	ifr, err := unix.NewIfreq("")
	if err != nil {
		return "", err
	}
	err = t.ioctl(func(fd int) error { return unix.IoctlIfreq(fd, unix.TUNGETIFF, ifr) })
	return ifr.Name(), err
}

// Name implements Interface.Name.
func (t *TAP) Name() (string, error) {
	name, err := t.ifName()
	return name, wrap("name", KindTAP, err)
}

// SetCarrier implements Interface.SetCarrier.
func (t *TAP) SetCarrier(on bool) error {
	value := 0
	if on {
		value = 1
	}
	err := t.ioctl(func(fd int) error { return unix.IoctlSetPointerInt(fd, unix.TUNSETCARRIER, value) })
	return wrap("set the carrier of", KindTAP, err)
}
