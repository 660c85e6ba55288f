package sandbox

import (
	"errors"
	"os/exec"
)

// Options chooses what a sandbox is made of. The zero value is an ordinary
// user's: fresh user, network and mount namespaces.
type Options struct {
	// Root keeps the caller's user namespace and identity, and takes fresh
	// network and mount namespaces only: the caller must be root.
	Root bool
	// UID is the ordinary user (and group) that a caller who is root becomes
	// first; 0 is nobody, 65534. A caller who is not root stays what it is.
	UID int
	// PID also takes a fresh PID namespace, so that everything ends with the
	// command.
	PID bool
}

// Init must be the first call of main, or of TestMain: in a process started
// by Command it does its part, and does not return. Elsewhere it returns at once.
func Init() {}

// Command returns a command that runs argv in a sandbox. argv[0] is looked up
// in PATH inside; "" stands for the running binary.
func Command(o Options, argv ...string) (*exec.Cmd, error) { return nil, errors.ErrUnsupported }

// Inside tells whether this process runs in a sandbox.
func Inside() bool { return false }
