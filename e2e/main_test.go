package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/ipvl/ipvl/nsutil/sandbox"
)

// envBinary tells the tests where the binary is. Set from outside, it is the
// one that is tested; else the module's is built.
const envBinary = "IPVL_E2E_BINARY"

func TestMain(m *testing.M) {
	sandbox.Init()
	if sandbox.Inside() {
		if err := confine(); err != nil {
			fmt.Fprintln(os.Stderr, "e2e:", err)
			os.Exit(1)
		}
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
	binary := os.Getenv(envBinary)
	if binary == "" {
		binary = filepath.Join(dir, "ipvl")
		build := exec.Command("go", "build", "-o", binary, "github.com/ipvl/ipvl/cmd/ipvl")
		build.Stdout, build.Stderr = os.Stdout, os.Stderr
		if err := build.Run(); err != nil {
			return 0, fmt.Errorf("build the binary: %w", err)
		}
	}
	self, err := copySelf(dir)
	if err != nil {
		return 0, err
	}
	if os.Getenv(envTun) != "" {
		if err := openTun(dir); err != nil {
			return 0, err
		}
		return inside(sandbox.Options{PID: true}, self, binary, dir)
	}
	worst, err := inside(sandbox.Options{PID: true}, self, binary, dir)
	if err != nil {
		return 0, err
	}
	if os.Geteuid() == 0 {
		code, err := inside(sandbox.Options{PID: true, Root: true}, self, binary, dir)
		if err != nil {
			return 0, err
		}
		worst = max(worst, code)
	}
	code, err := withoutRings(self, binary, dir)
	return max(worst, code), err
}

// parallel is how many tests run at once: they wait more than they compute.
const parallel = "-test.parallel=6"

// inside runs the tests in one sandbox, with env in the environment.
func inside(o sandbox.Options, self, binary, dir string, env ...string) (int, error) {
	cmd, err := sandbox.Command(o, append([]string{self, parallel}, os.Args[1:]...)...)
	if err != nil {
		return 0, err
	}
	cmd.Env = append(append(os.Environ(), envBinary+"="+binary), env...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Dir = dir
	err = sandbox.Run(cmd)
	if cmd.ProcessState == nil {
		return 0, fmt.Errorf("start a sandbox: %w", err)
	}
	return cmd.ProcessState.ExitCode(), nil
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
