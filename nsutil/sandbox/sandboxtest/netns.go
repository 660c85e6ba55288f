package sandboxtest

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// netnsDir is where ip-netns(8) keeps named namespaces.
const netnsDir = "/run/netns"

// AddNetns does what "ip netns add" does, and takes the namespace away at the
// end of the test unless DelNetns did so before. Only inside a sandbox, whose
// /run is its own.
func AddNetns(t *testing.T, name string) {
	t.Helper()
	path := filepath.Join(netnsDir, name)
	if err := os.WriteFile(path, nil, 0o444); err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- unshareInto(path) }()
	if err := <-done; err != nil {
		t.Fatalf("add network namespace %s: %v", name, err)
	}
	t.Cleanup(func() {
		if _, err := os.Stat(path); err == nil {
			DelNetns(t, name)
		}
	})
}

// unshareInto binds a new network namespace to path. The thread is unlocked
// only when it is back.
func unshareInto(path string) error {
	const own = "/proc/thread-self/ns/net"
	runtime.LockOSThread()
	if unix.Gettid() == unix.Getpid() {
		// The first thread stands for the process in /proc/PID/ns/net.
		defer runtime.UnlockOSThread()
		done := make(chan error)
		go func() { done <- unshareInto(path) }()
		return <-done
	}
	back, err := os.Open(own)
	if err != nil {
		runtime.UnlockOSThread()
		return err
	}
	defer back.Close()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		return err
	}
	mountErr := unix.Mount(own, path, "", unix.MS_BIND, "")
	if err := unix.Setns(int(back.Fd()), unix.CLONE_NEWNET); err != nil {
		return err
	}
	runtime.UnlockOSThread()
	return mountErr
}

// DelNetns does what "ip netns del" does.
func DelNetns(t *testing.T, name string) {
	t.Helper()
	path := filepath.Join(netnsDir, name)
	if err := errors.Join(unix.Unmount(path, unix.MNT_DETACH), os.Remove(path)); err != nil {
		t.Fatalf("delete network namespace %s: %v", name, err)
	}
}
