package seccomp

import (
	"fmt"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ForbidIOURing has the system calls of io_uring fail with errno: EPERM, as in
// Docker, or ENOSYS, as in Podman. It holds for all threads of this process, and for
// the processes that it starts from now on.
func ForbidIOURing(errno syscall.Errno) error {
	refused := []uint32{unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER}
	prog := []unix.SockFilter{{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS}} // seccomp_data.nr
	for i, nr := range refused {
		prog = append(prog, unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jt: uint8(len(refused) - i), K: nr})
	}
	prog = append(prog,
		unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
		unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(errno)})
	fprog := unix.SockFprog{Len: uint16(len(prog)), Filter: &prog[0]}
	runtime.LockOSThread() // both calls are about the thread; the second one takes the others along
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("forbid io_uring: no_new_privs: %w", err)
	}
	thread, _, failed := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&fprog)))
	switch {
	case failed != 0:
		return fmt.Errorf("forbid io_uring: seccomp (the kernel needs CONFIG_SECCOMP_FILTER): %w", failed)
	case thread != 0:
		return fmt.Errorf("forbid io_uring: thread %d has a filter of its own", thread)
	}
	return nil
}

// IOURing returns nil where io_uring is permitted, and the kernel's refusal elsewhere.
func IOURing() error {
	// A ring of no entries is refused too (io_uring_setup: EINVAL), but later.
	var params [120]byte // struct io_uring_params
	_, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, 0, uintptr(unsafe.Pointer(&params)), 0)
	if errno == unix.EINVAL {
		return nil
	}
	return errno
}

// Ringed tells whether devices of a backend can be served by io_uring here: where it
// is permitted, TAPs since Linux 6.4, and veth pairs since 6.5, by their packet sockets.
func Ringed(backend string) bool {
	since := 4
	if backend == "veth" {
		since = 5
	}
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return false
	}
	var major, minor int
	if _, err := fmt.Sscanf(unix.ByteSliceToString(name.Release[:]), "%d.%d", &major, &minor); err != nil {
		return false
	}
	return IOURing() == nil && (major > 6 || major == 6 && minor >= since)
}
