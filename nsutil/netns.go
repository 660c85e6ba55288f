package nsutil

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// NetnsDir is where ip-netns(8) keeps named namespaces.
const NetnsDir = "/run/netns"

// ownNS is the namespace of the calling thread. Outside Do that is the
// process's.
const ownNS = "/proc/thread-self/ns/net"

// ID is the identity of a network namespace as long as it lives: device and
// inode of its nsfs file. The kernel may give the inode of a namespace that
// ended to a new one.
type ID struct{ Dev, Ino uint64 }

// errExited says that the function given to Do did not return.
var errExited = errors.New("the function ended its goroutine")

// Ref refers to a network namespace without keeping it alive: it holds a path
// and the identity of what was there. The zero Ref is the namespace of the
// calling thread: the process's own, except inside Do.
type Ref struct {
	spec, path string
	id         ID
}

// Resolve finds the namespace that spec names: a name under /run/netns, a
// PID, or a path; "" is the zero Ref. Failures are *NetnsError.
func Resolve(spec string) (Ref, error) {
	if spec == "" {
		return Ref{}, nil
	}
	path := specPath(spec)
	id, err := pathID(path)
	if err != nil {
		return Ref{}, &NetnsError{Spec: spec, Err: err}
	}
	return Ref{spec: spec, path: path, id: id}, nil
}

// specPath finds the file that spec stands for. A name goes before a PID, as in
// ip(8).
func specPath(spec string) string {
	if strings.Contains(spec, "/") {
		return spec
	}
	named := filepath.Join(NetnsDir, spec)
	if _, err := os.Stat(named); err == nil {
		return named
	}
	if pid, err := strconv.ParseUint(spec, 10, 31); err == nil && pid > 0 {
		return "/proc/" + strconv.FormatUint(pid, 10) + "/ns/net"
	}
	return named
}

// pathID identifies the namespace at path. EINVAL: the file is no namespace.
func pathID(path string) (ID, error) {
	f, err := openNS(path)
	if err != nil {
		return ID{}, err
	}
	defer f.Close()
	return fileID(f)
}

// openNS opens a namespace file and checks that it is one.
func openNS(path string) (*os.File, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	typ, err := unix.IoctlRetInt(fd, unix.NS_GET_NSTYPE)
	if err != nil || typ != unix.CLONE_NEWNET {
		unix.Close(fd)
		return nil, unix.EINVAL
	}
	return os.NewFile(uintptr(fd), path), nil
}

func fileID(f *os.File) (ID, error) { return fdID(int(f.Fd())) }

func fdID(fd int) (ID, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return ID{}, err
	}
	return ID{Dev: st.Dev, Ino: st.Ino}, nil
}

// IsOwn tells whether r is the zero Ref.
func (r Ref) IsOwn() bool { return r.path == "" }

// String returns what r was resolved from.
func (r Ref) String() string { return r.spec }

// Path returns the file that r was resolved to; "" for the zero Ref.
func (r Ref) Path() string { return r.path }

// ID returns the identity of the namespace.
func (r Ref) ID() ID {
	if r.IsOwn() {
		id, _ := pathID(ownNS)
		return id
	}
	return r.id
}

// Same tells whether a and b are one namespace.
func Same(a, b Ref) bool { return a.ID() == b.ID() }

// Open opens the namespace. Close the file soon: it keeps the namespace alive.
func (r Ref) Open() (*os.File, error) {
	path := r.path
	if r.IsOwn() {
		path = ownNS
	}
	f, err := openNS(path)
	if err != nil {
		return nil, &NetnsError{Spec: r.spec, Err: err}
	}
	if id, err := fileID(f); err != nil || !r.IsOwn() && id != r.id {
		f.Close()
		return nil, &NetnsError{Spec: r.spec, Err: errors.Join(ErrChanged, err)}
	}
	return f, nil
}

// Do runs fn in the namespace, on a thread of its own that fn's goroutine is
// locked to. Sockets that fn opens stay in that namespace and keep it alive.
// Goroutines that fn starts are not in it. For the zero Ref fn is called where
// the caller is.
func (r Ref) Do(fn func() error) error {
	if r.IsOwn() {
		return fn()
	}
	f, err := r.Open()
	if err != nil {
		return err
	}
	defer f.Close()
	return DoFD(int(f.Fd()), fn)
}

// DoFD is Ref.Do for an open descriptor of a namespace, which stays the caller's.
func DoFD(fd int, fn func() error) error {
	done := make(chan error, 1)
	go func() {
		err := errExited
		defer func() { done <- err }() // also when fn ends its goroutine
		err = inNS(fd, fn)
	}()
	return <-done
}

// inNS locks the thread, and unlocks it only after it is back: otherwise the
// thread ends with the goroutine, and no other goroutine finds itself in a
// foreign namespace.
func inNS(fd int, fn func() error) error {
	runtime.LockOSThread()
	if unix.Gettid() == unix.Getpid() {
		// The first thread stands for the process in /proc/PID/ns/net, and
		// cannot end. While it is locked here, another takes over.
		defer runtime.UnlockOSThread()
		return DoFD(fd, fn)
	}
	own, err := openNS(ownNS)
	if err != nil {
		runtime.UnlockOSThread()
		return wrap("open the own network namespace", "", err)
	}
	defer own.Close()
	if err := unix.Setns(fd, unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		return wrap("enter network namespace", "", err)
	}
	err = fn()
	if unix.Setns(int(own.Fd()), unix.CLONE_NEWNET) == nil {
		runtime.UnlockOSThread()
	}
	return err
}

// Cookie identifies the namespace of r for as long as the system runs, unlike
// its ID, which the kernel may give to another one afterwards (SO_NETNS_COOKIE,
// Linux 5.14). 0: the kernel does not know them.
func (r Ref) Cookie() (cookie uint64, err error) {
	err = r.Do(func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		cookie, err = unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_NETNS_COOKIE)
		if errors.Is(err, unix.ENOPROTOOPT) {
			return nil
		}
		return err
	})
	return cookie, wrap("identify network namespace", r.spec, err)
}

// FindNetns finds a living namespace again that had this path, identity and
// cookie: at its path, among the named ones, or by one of its processes.
// ErrUnknownNetns: it is gone, or nothing leads to it any more.
func FindNetns(path string, id ID, cookie uint64) (Ref, error) {
	match := func(r Ref) bool {
		if r.id != id {
			return false
		}
		got, err := r.Cookie()
		return err == nil && got == cookie
	}
	if path != "" {
		if r, err := Resolve(path); err == nil && match(r) {
			return r, nil
		}
	}
	return searchNetns(match)
}
