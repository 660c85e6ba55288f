package main

import (
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// notify sends one state to systemd's socket (sd_notify(3)); an empty path is
// nobody who waits.
func notify(path, state string) error {
	if path == "" {
		return nil
	}
	// A leading @ is an abstract socket; package net knows that, too.
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = conn.Write([]byte(state))
	return err
}

// readyFD is the descriptor of --ready-fd; nil is none.
type readyFD struct{ file *os.File }

// openReadyFD checks the descriptor before anything else is opened, which could
// otherwise get its number.
func openReadyFD(fd int) (*readyFD, error) {
	if fd < 0 {
		return nil, nil
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil {
		return nil, fmt.Errorf("--ready-fd %d: %w", fd, err)
	}
	unix.CloseOnExec(fd)
	return &readyFD{os.NewFile(uintptr(fd), "ready-fd")}, nil
}

// signal writes the newline and closes the descriptor, which s6 and others wait for.
func (r *readyFD) signal() error {
	if r == nil {
		return nil
	}
	_, err := r.file.WriteString("\n")
	if cerr := r.file.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("--ready-fd: %w", err)
	}
	return nil
}
