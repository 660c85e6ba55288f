package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/ipvl/ipvl/nsutil/sandbox"
)

const (
	tunNode = "/dev/net/tun"
	// envTun makes a run of the tests in a mount namespace of its own open
	// /dev/net/tun to everybody first.
	envTun = "IPVL_E2E_OPEN_TUN"
)

// withoutRings runs the tests again as in most containers that have TAPs: as an
// ordinary user who may open /dev/net/tun, and is not permitted io_uring. It runs
// nothing where the caller has no TAPs to give.
func withoutRings(self, binary, dir string) (int, error) {
	tun, err := os.OpenFile(tunNode, os.O_RDWR, 0)
	if err != nil {
		return 0, nil
	}
	defer tun.Close()
	s, err := tun.Stat()
	if err != nil {
		return 0, err
	}
	if s.Mode().Perm()&0o006 == 0o006 { // as usual distributions have it
		return inside(sandbox.Options{PID: true}, self, binary, dir, envPlain+"=1")
	}
	if os.Geteuid() != 0 {
		return 0, nil // one of tun's group: the sandbox's user is in it no more
	}
	return withOpenTun(self, binary, envPlain+"=1")
}

// withOpenTun runs the tests again, as an ordinary user, where /dev/net/tun is
// open to everybody. The machine's own stays as it is.
func withOpenTun(self, binary string, env ...string) (int, error) {
	cmd := exec.Command(self, os.Args[1:]...)
	cmd.Env = append(append(os.Environ(), envBinary+"="+binary, envTun+"=1"), env...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	err := cmd.Run()
	if cmd.ProcessState == nil {
		return 0, fmt.Errorf("start the tests with an open %s: %w", tunNode, err)
	}
	return cmd.ProcessState.ExitCode(), nil
}

// openTun puts a node that everybody can open over /dev/net/tun.
func openTun(dir string) error {
	node := filepath.Join(dir, "tun")
	if err := unix.Mknod(node, unix.S_IFCHR|0o666, int(unix.Mkdev(10, 200))); err != nil {
		return fmt.Errorf("make a device node: %w", err)
	}
	if err := os.Chmod(node, 0o666); err != nil {
		return err
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := unix.Mount(node, tunNode, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("put a device node over %s: %w", tunNode, err)
	}
	return nil
}
