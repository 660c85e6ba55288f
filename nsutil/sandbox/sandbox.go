package sandbox

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"syscall"
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

const (
	nobody = 65534
	// argv0 marks our own stages; the second argument is one of these, the
	// third the Options in JSON, the rest is the command.
	argv0      = "ipvl-sandbox"
	stageUser  = "user"  // running as the ordinary user
	stageEnter = "enter" // running inside
	// insideEnv tells the command that it is inside, and which kind.
	insideEnv = "IPVL_SANDBOX"
)

// The values of Kind.
const (
	KindUser = "user"
	KindRoot = "root"
)

// Kind tells in what sandbox this process runs: KindUser, KindRoot, or "" for none.
func Kind() string { return os.Getenv(insideEnv) }

// Inside tells whether this process runs in a sandbox.
func Inside() bool { return Kind() != "" }

// kind is what Kind is going to be inside.
func (o Options) kind() string {
	if o.Root {
		return KindRoot
	}
	return KindUser
}

// Command returns a command that runs argv in a sandbox. argv[0] is looked up
// in PATH inside; "" stands for the running binary. Standard streams are the
// caller's to set, as with exec.Command, and the exit code is the command's.
// Use Run to start it.
func Command(o Options, argv ...string) (*exec.Cmd, error) {
	if len(argv) == 0 {
		return nil, fmt.Errorf("sandbox: no command given")
	}
	isRoot := os.Geteuid() == 0
	if o.Root && !isRoot {
		return nil, fmt.Errorf("sandbox: keeping root: %w", os.ErrPermission)
	}
	if o.Root || !isRoot {
		return entering(o, argv)
	}
	id := o.UID
	if id == 0 {
		id = nobody
	}
	cmd, err := stage(o, stageUser, argv)
	if err == nil {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(id), Gid: uint32(id)}
	}
	return cmd, err
}

// entering is the command whose process is the first inside.
func entering(o Options, argv []string) (*exec.Cmd, error) {
	cmd, err := stage(o, stageEnter, argv)
	if err != nil {
		return nil, err
	}
	attr := cmd.SysProcAttr
	attr.Cloneflags = syscall.CLONE_NEWNET | syscall.CLONE_NEWNS
	if o.PID {
		attr.Cloneflags |= syscall.CLONE_NEWPID
	}
	if !o.Root {
		attr.Cloneflags |= syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	return cmd, nil
}

// stage is the running binary again. The link in /proc works whatever the
// permissions of the directories above the file are.
func stage(o Options, name string, argv []string) (*exec.Cmd, error) {
	opts, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	return &exec.Cmd{
		Path:        "/proc/self/exe",
		Args:        append([]string{argv0, name, string(opts)}, argv...),
		SysProcAttr: &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL},
	}, nil
}
