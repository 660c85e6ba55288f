package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

const tunNode = "/dev/net/tun"

// tunIsClosed says that only root can open /dev/net/tun, on a machine where we
// are root: usual distributions open it to all.
func tunIsClosed() bool {
	s, err := os.Stat(tunNode)
	return err == nil && os.Geteuid() == 0 && s.Mode().Perm()&0o006 != 0o006
}

// openTun puts a node that everybody can open over /dev/net/tun, for the
// calling thread, which has to be locked and must not be used for anything else
// afterwards, and what it starts. The machine's own stays as it is.
func openTun() error {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("make a mount namespace: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	dir, err := os.MkdirTemp("", "ipvl-bench-")
	if err != nil {
		return err
	}
	return errors.Join(bindTun(filepath.Join(dir, "tun")), os.RemoveAll(dir))
}

// bindTun mounts a new node; its file may go afterwards.
func bindTun(node string) error {
	if err := unix.Mknod(node, unix.S_IFCHR|0o666, int(unix.Mkdev(10, 200))); err != nil {
		return fmt.Errorf("make a device node: %w", err)
	}
	if err := os.Chmod(node, 0o666); err != nil {
		return err
	}
	if err := unix.Mount(node, tunNode, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("put a device node over %s: %w", tunNode, err)
	}
	return nil
}
