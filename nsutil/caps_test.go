package nsutil

import (
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// withoutCapabilities runs fn on a thread that has none.
func withoutCapabilities(t *testing.T, fn func() error) error {
	t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var had, none [2]unix.CapUserData
		err := unix.Capget(&header, &had[0])
		if err == nil {
			none = had
			none[0].Effective, none[1].Effective = 0, 0
			err = unix.Capset(&header, &none[0])
		}
		if err == nil {
			err = fn()
			if unix.Capset(&header, &had[0]) == nil {
				runtime.UnlockOSThread()
			}
		}
		done <- err
	}()
	return <-done
}
