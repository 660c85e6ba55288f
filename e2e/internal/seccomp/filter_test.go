package seccomp

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// envStage is set in the processes of the test: "forbid" in one that forbids io_uring
// to itself, "child" in one that it starts.
const envStage = "IPVL_SECCOMP_STAGE"

func TestMain(m *testing.M) {
	switch os.Getenv(envStage) {
	case "":
		os.Exit(m.Run())
	case "forbid":
		if err := ForbidIOURing(unix.ENOSYS); err != nil {
			fmt.Println(err)
		}
		tell()
		cmd := exec.Command("/proc/self/exe")
		cmd.Env = append(os.Environ(), envStage+"=child")
		out, err := cmd.CombinedOutput()
		fmt.Printf("%s%v\n", out, err)
	case "child":
		tell()
	}
}

// tell prints how io_uring is refused, and how many threads have no filter.
func tell() {
	free := 0
	threads, err := filepath.Glob("/proc/self/task/*/status")
	if err != nil || len(threads) == 0 {
		fmt.Println("no threads:", err)
	}
	for _, name := range threads {
		b, err := os.ReadFile(name)
		if !strings.Contains(string(b), "\nSeccomp:\t2\n") && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, syscall.ESRCH) {
			free++
		}
	}
	_, _, entered := unix.Syscall6(unix.SYS_IO_URING_ENTER, ^uintptr(0), 0, 0, 0, 0, 0)
	_, _, registered := unix.Syscall6(unix.SYS_IO_URING_REGISTER, ^uintptr(0), 0, 0, 0, 0, 0)
	fmt.Printf("%t %d %d, %d free\n", IOURing() == unix.ENOSYS, entered, registered, free)
}

// What is forbidden is forbidden in every thread, and to children.
func TestForbidIOURing(t *testing.T) {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), envStage+"=forbid")
	out, err := cmd.CombinedOutput()
	line := fmt.Sprintf("true %d %d, 0 free\n", unix.ENOSYS, unix.ENOSYS)
	if want := line + line + "<nil>\n"; err != nil || string(out) != want {
		t.Errorf("%q, %v; want %q", out, err, want)
	}
	if err := IOURing(); errors.Is(err, unix.EINVAL) {
		t.Errorf("outside: %v", err)
	}
}
