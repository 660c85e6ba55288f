package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipvl/ipvl/cmd/ipvl-bench/internal/report"
	"github.com/ipvl/ipvl/nsutil/sandbox"
)

// grace is how long the sandbox has to end after a signal.
const grace = 3 * time.Second

const sandboxHint = `The bench needs user namespaces for ordinary users. What may forbid them:
  sysctl kernel.unprivileged_userns_clone=0, kernel.apparmor_restrict_unprivileged_userns=1,
  user.max_user_namespaces=0, or the container that this runs in.`

// outside runs the bench in a sandbox, writes its report, and returns the exit
// code.
func outside(o options, args []string) int {
	if o.list {
		writeList(os.Stdout)
		return 0
	}
	// From here on a signal ends the sandbox first.
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	out, got, err := inSandbox(o, args, signals)
	if got != 0 {
		fmt.Fprintf(os.Stderr, "ipvl-bench: %v: ended, nothing is left\n", got)
		return exitSignal + int(got)
	}
	if err == nil {
		err = finish(o, args, out)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "ipvl-bench:", err)
		return exitFailed
	}
	return 0
}

// inSandbox runs the inner process and returns what it wrote, or the signal
// that ended it.
func inSandbox(o options, args []string, signals <-chan os.Signal) ([]byte, syscall.Signal, error) {
	if err := os.Setenv("PATH", os.Getenv("PATH")+":/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin"); err != nil {
		return nil, 0, err
	}
	var tar, out bytes.Buffer
	if err := pack(&tar, programs(o)); err != nil {
		return nil, 0, err
	}
	cmd, err := sandbox.Command(sandbox.Options{PID: true}, append([]string{"", insideArg}, args...)...)
	if err != nil {
		return nil, 0, err
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = &tar, &out, os.Stderr
	cmd.Dir = "/" // the caller's directory may be closed to that user
	ended := make(chan error, 1)
	started := make(chan error, 1)
	go runLocked(cmd, started, ended)
	if err := <-started; err != nil {
		return nil, 0, fmt.Errorf("start the sandbox: %w\n%s", err, sandboxHint)
	}
	got, err := await(cmd, signals, ended)
	return out.Bytes(), got, err
}

// runLocked runs cmd on a thread of its own, which stays for as long: the
// sandbox is killed when the thread that started it ends.
func runLocked(cmd *exec.Cmd, started, ended chan<- error) {
	runtime.LockOSThread() // for good: the mount namespace is not given back
	if tunIsClosed() {
		if err := openTun(); err != nil {
			started <- err
			return
		}
	}
	err := cmd.Start()
	started <- err
	if err == nil {
		ended <- cmd.Wait()
	}
}

// programs are those that the sandbox cannot find itself.
func programs(o options) []program {
	list := []program{{name: "ipvl", path: o.ipvl}}
	for _, name := range []string{"gvproxy", "gvforwarder"} {
		path, err := exec.LookPath(name)
		if err != nil {
			path = o.tools + "/" + name
		}
		list = append(list, program{name: name, path: path, optional: true})
	}
	return list
}

// await waits for the sandbox. A signal goes on to it, again and again, because
// process 1 of a PID namespace ignores what comes before it has a handler.
func await(cmd *exec.Cmd, signals <-chan os.Signal, ended <-chan error) (syscall.Signal, error) {
	var got syscall.Signal
	var again, limit <-chan time.Time
	for {
		select {
		case err := <-ended:
			var exit *exec.ExitError
			if errors.As(err, &exit) && exit.ExitCode() == 127 {
				err = fmt.Errorf("%w\n%s", err, sandboxHint)
			}
			return got, err
		case s := <-signals:
			if got == 0 {
				got, again, limit = s.(syscall.Signal), time.Tick(grace/30), time.After(grace)
			}
			_ = cmd.Process.Signal(unix.SIGTERM)
		case <-again:
			_ = cmd.Process.Signal(unix.SIGTERM)
		case <-limit:
			_ = cmd.Process.Kill()
		}
	}
}

// finish judges, prints and writes the report.
func finish(o options, args []string, b []byte) error {
	r, err := report.Parse(b)
	if err != nil || o.growth && r.Growth == nil {
		return fmt.Errorf("the sandbox gave no report: %w: %.200q", err, b)
	}
	r.Command = "ipvl-bench " + strings.Join(args, " ")
	if o.growth {
		r.Growth.Benchmarks = fibBenchmarks()
	} else {
		r.Verdicts = report.Judge(r, report.Bars())
	}
	var text bytes.Buffer
	if err := r.WriteText(&text); err != nil {
		return err
	}
	if _, err := os.Stdout.Write(text.Bytes()); err != nil {
		return err
	}
	return files(o, r, text.Bytes())
}

// files writes the report for programs, for people, and as a chart.
func files(o options, r *report.Report, text []byte) error {
	if o.out == "" {
		return nil
	}
	if err := os.MkdirAll(o.out, 0o755); err != nil {
		return err
	}
	name := filepath.Join(o.out, "bench")
	if o.growth {
		name = filepath.Join(o.out, "growth")
	}
	err := errors.Join(
		write(name+".txt", func(w io.Writer) error { _, err := w.Write(text); return err }),
		write(name+".json", func(w io.Writer) error { return send(r, w) }),
	)
	if !o.growth {
		err = errors.Join(err, write(name+".svg", r.WriteSVG))
	}
	return err
}

// write writes a file, whole or not at all.
func write(path string, f func(io.Writer) error) error {
	var b bytes.Buffer
	if err := f(&b); err != nil {
		return err
	}
	return os.WriteFile(path, b.Bytes(), 0o644)
}
