package uring

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// denyEnv is set in a process that probes under a seccomp filter: "system call,errno".
const denyEnv = "IPVL_URING_TEST_DENY"

// TestRefused probes where a seccomp filter refuses a system call, as containers do.
func TestRefused(t *testing.T) {
	for _, c := range []struct {
		trap  int
		errno unix.Errno
		op    string
		hint  string
	}{
		{unix.SYS_IO_URING_SETUP, unix.EPERM, "io_uring_setup", "seccomp profile"},
		{unix.SYS_IO_URING_SETUP, unix.EACCES, "io_uring_setup", "kernel.io_uring_disabled"},
		{unix.SYS_IO_URING_SETUP, unix.ENOSYS, "io_uring_setup", "plain system calls"},
		{unix.SYS_IO_URING_SETUP, unix.ENOMEM, "io_uring_setup", "RLIMIT_MEMLOCK"},
		{unix.SYS_IO_URING_SETUP, unix.EINVAL, "io_uring_setup", "too old"},
		{unix.SYS_IO_URING_ENTER, unix.EPERM, "nop", "seccomp profile"},
		{unix.SYS_IO_URING_ENTER, unix.ENOSYS, "nop", "plain system calls"},
	} {
		cmd := exec.Command("/proc/self/exe")
		cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d,%d", denyEnv, c.trap, c.errno))
		out, err := cmd.CombinedOutput()
		if got := string(out); err != nil || !strings.HasPrefix(got, "uring: "+c.op+": ") || !strings.Contains(got, c.hint) {
			t.Errorf("%v of %d: %q, %v; want step %q and %q", c.errno, c.trap, got, err, c.op, c.hint)
		}
	}
}

// probeDenied prints what Probe says under a filter.
func probeDenied(step string) {
	var trap, errno uint32
	if _, err := fmt.Sscanf(step, "%d,%d", &trap, &errno); err != nil {
		fmt.Println(err)
		return
	}
	prog := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS}, // the number of the system call
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: trap},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | errno},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	fprog := unix.SockFprog{Len: uint16(len(prog)), Filter: &prog[0]}
	runtime.LockOSThread()
	err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	// All threads, whichever runs Probe.
	_, _, failed := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&fprog)))
	if err != nil || failed != 0 {
		fmt.Println("filter:", err, failed)
		return
	}
	fmt.Print(Probe())
}

// TestRefusedOptions asks for more than there is.
func TestRefusedOptions(t *testing.T) {
	for _, n := range []int{-1, MaxEntries + 1} {
		if _, err := New(Options{Entries: n}); !errors.Is(err, unix.EINVAL) {
			t.Errorf("%d entries: %v, want %v", n, err, unix.EINVAL)
		}
	}
}
