package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/ipvl/ipvl/nsutil/sandbox"
)

// envBinary tells the tests in the sandbox where the binary is.
const envBinary = "IPVL_E2E_BINARY"

func TestMain(m *testing.M) {
	sandbox.Init()
	if sandbox.Inside() {
		os.Exit(m.Run())
	}
	code, err := outside()
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		os.Exit(1)
	}
	os.Exit(code)
}

// outside builds the binary and runs the tests in each sandbox that the caller
// may make.
func outside() (int, error) {
	dir, err := os.MkdirTemp("", "ipvl-e2e-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	// An ordinary user has to read what root built.
	if err := os.Chmod(dir, 0o755); err != nil {
		return 0, err
	}
	binary := filepath.Join(dir, "ipvl")
	build := exec.Command("go", "build", "-o", binary, "github.com/ipvl/ipvl/cmd/ipvl")
	build.Stdout, build.Stderr = os.Stdout, os.Stderr
	if err := build.Run(); err != nil {
		return 0, fmt.Errorf("build the binary: %w", err)
	}
	self, err := copySelf(dir)
	if err != nil {
		return 0, err
	}
	kinds := []sandbox.Options{{PID: true}}
	if os.Geteuid() == 0 {
		kinds = append(kinds, sandbox.Options{PID: true, Root: true})
	}
	worst := 0
	for _, o := range kinds {
		cmd, err := sandbox.Command(o, append([]string{self}, os.Args[1:]...)...)
		if err != nil {
			return 0, err
		}
		cmd.Env = append(os.Environ(), envBinary+"="+binary)
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		cmd.Dir = dir
		err = sandbox.Run(cmd)
		if cmd.ProcessState == nil {
			return 0, fmt.Errorf("start a sandbox: %w", err)
		}
		worst = max(worst, cmd.ProcessState.ExitCode())
	}
	return worst, nil
}

// copySelf puts the test binary where an ordinary user can run it: go test
// leaves it in a folder of the caller's.
func copySelf(dir string) (string, error) {
	from, err := os.Executable()
	if err != nil {
		return "", err
	}
	b, err := os.ReadFile(from)
	if err != nil {
		return "", err
	}
	to := filepath.Join(dir, "e2e.test")
	return to, os.WriteFile(to, b, 0o755)
}
