package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipvl/ipvl/nsutil/sandbox"
)

const (
	// outerLimit bounds the whole demo, innerLimit the plan.
	outerLimit = 58 * time.Second
	innerLimit = 52 * time.Second
	// grace is how long the sandbox has to end after a signal.
	grace = 3 * time.Second
	// exitNoSandbox is what the sandbox's stages return if they fail.
	exitNoSandbox = 127
)

const sandboxHint = `The demo needs user namespaces for ordinary users. What may forbid them:
  sysctl kernel.unprivileged_userns_clone=0, kernel.apparmor_restrict_unprivileged_userns=1,
  user.max_user_namespaces=0, or the container that this runs in.`

// outside checks what the demo needs, runs it in a sandbox, and returns the exit code.
func outside(ipvl string) int {
	fail := func(err error) int {
		fmt.Fprintln(os.Stderr, "ipvl-demo:", err)
		return exitFailed
	}
	// From here on a signal ends the sandbox first.
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	if err := findTools(); err != nil {
		return fail(err)
	}
	binary, err := openBinary(ipvl)
	if err != nil {
		return fail(err)
	}
	defer binary.Close()
	cmd, err := sandboxed(binary)
	if err != nil {
		return fail(err)
	}
	// The sandbox is killed when the thread that started it ends.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cmd.Start(); err != nil {
		return fail(fmt.Errorf("start the sandbox: %w\n%s", err, sandboxHint))
	}
	code := await(cmd, signals)
	if code == exitNoSandbox {
		fmt.Fprintln(os.Stderr, sandboxHint)
	}
	return code
}

// findTools looks for the programs that the demo runs. Many users have no
// sbin in their PATH, where ip may be.
func findTools() error {
	if err := os.Setenv("PATH", os.Getenv("PATH")+":/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin"); err != nil {
		return err
	}
	var missing []string
	for _, name := range []string{"ip", "ping", "nsenter"} {
		if _, err := exec.LookPath(name); err != nil {
			missing = append(missing, name)
		}
	}
	if missing != nil {
		return fmt.Errorf("%s not found: run \"make setup\" as root", strings.Join(missing, ", "))
	}
	return nil
}

func openBinary(path string) (*os.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%w: build it first, by \"make build\"", err)
	}
	info, err := f.Stat()
	if err == nil && (!info.Mode().IsRegular() || info.Mode()&0o111 == 0) {
		err = fmt.Errorf("%s is not a program", path)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// sandboxed is this program again, as an ordinary user, inside.
func sandboxed(binary *os.File) (*exec.Cmd, error) {
	cmd, err := sandbox.Command(sandbox.Options{PID: true}, "", insideArg)
	if err != nil {
		return nil, err
	}
	self, err := readableSelf()
	if err != nil {
		return nil, err
	}
	if self != "" {
		cmd.Path = self
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = binary, os.Stdout, os.Stderr
	cmd.Dir = "/" // the caller's directory may be closed to that user
	return cmd, nil
}

// await waits for the sandbox. A signal goes on to it; it is sent again and
// again, because process 1 of a PID namespace ignores what comes before it has
// a handler.
func await(cmd *exec.Cmd, signals <-chan os.Signal) int {
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	limit := time.NewTimer(outerLimit)
	defer limit.Stop()
	var got syscall.Signal
	var again <-chan time.Time
	for {
		select {
		case err := <-ended:
			if got != 0 {
				fmt.Fprintf(os.Stderr, "ipvl-demo: %v: ended, nothing is left\n", got)
				return exitSignal + int(got)
			}
			return exitCode(err)
		case s := <-signals:
			if got == 0 {
				got, again = s.(syscall.Signal), time.Tick(grace/30)
				limit.Reset(grace)
			}
			_ = cmd.Process.Signal(unix.SIGTERM)
		case <-again:
			_ = cmd.Process.Signal(unix.SIGTERM)
		case <-limit.C:
			if got == 0 {
				fmt.Fprintf(os.Stderr, "ipvl-demo: not done after %v: ended\n", outerLimit)
			}
			_ = cmd.Process.Kill()
		}
	}
}

// exitCode is that of the inner process.
func exitCode(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit) && exit.ExitCode() > 0:
		return exit.ExitCode()
	}
	fmt.Fprintln(os.Stderr, "ipvl-demo: the sandbox ended:", err)
	return exitFailed
}
