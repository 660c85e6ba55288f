package uring

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/ipvl/ipvl/link/internal/nstest"
	"golang.org/x/sys/unix"
)

// TestMain runs the tests in namespaces of their own. Where io_uring is forbidden, only
// what happens then can be tested.
func TestMain(m *testing.M) {
	flag.Parse()
	if step := os.Getenv(denyEnv); step != "" {
		probeDenied(step)
		return
	}
	if err := Probe(); errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) || errors.Is(err, unix.ENOSYS) {
		fmt.Fprintln(os.Stderr, "only refusals are tested:", err)
		flag.Set("test.run", "^TestRefus")
	}
	nstest.Main(m)
}
