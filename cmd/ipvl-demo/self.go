package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// readableSelf returns a path of this program that an ordinary user can
// execute; "" if the program's own file will do. Built by root with a strict
// umask it will not; a copy in memory leaves no file to remove.
func readableSelf() (string, error) {
	const own = "/proc/self/exe"
	info, err := os.Stat(own)
	if err != nil || os.Geteuid() != 0 || info.Mode()&0o005 == 0o005 {
		return "", err
	}
	from, err := os.Open(own)
	if err != nil {
		return "", err
	}
	defer from.Close()
	// Kernels before 6.3 do not know MFD_EXEC, and do not need it.
	fd, err := unix.MemfdCreate("ipvl-demo", unix.MFD_CLOEXEC|unix.MFD_EXEC)
	if errors.Is(err, unix.EINVAL) {
		fd, err = unix.MemfdCreate("ipvl-demo", unix.MFD_CLOEXEC)
	}
	if err != nil {
		return "", fmt.Errorf("copy the program to memory: %w", err)
	}
	// A descriptor that is open for writing cannot be executed.
	to := os.NewFile(uintptr(fd), "ipvl-demo")
	defer to.Close()
	if _, err := io.Copy(to, from); err != nil {
		return "", fmt.Errorf("copy the program to memory: %w", err)
	}
	ro, err := unix.Open(fmt.Sprintf("/proc/self/fd/%d", fd), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	// It stays open, for the exec.
	return fmt.Sprintf("/proc/self/fd/%d", ro), nil
}
