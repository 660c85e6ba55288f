package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// binDir is on the sandbox's own tmpfs.
	binDir = "/run/ipvl-demo"
	socket = "/run/ipvl/api.sock"
	// logLines of the appliance are shown if a step fails.
	logLines = 20
)

// inside runs the demo in the sandbox and returns the exit code. binary is ipvl.
// Nothing is cleaned up: this is process 1 of a PID namespace, and all
// ends with it.
func inside(binary io.Reader, stdout *os.File) int {
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	defer stop()
	begin := time.Now()
	out := newPrinter(stdout)
	if err := errors.Join(leaveGroup(), prepare(binary)); err != nil {
		out.fail("prepare the sandbox", err)
		return exitFailed
	}
	out.line("ipvl, as root of a sandbox that is uid %s outside. Lines with # are commands, typed in its default namespace.", uidOutside())
	d := &demo{appliance: appliance{log: filepath.Join(binDir, "serve.log")}}
	r := &runner{out: out}
	limited, cancel := context.WithTimeout(ctx, innerLimit)
	defer cancel()
	r.run(limited, d.plan())
	if ctx.Err() != nil {
		return exitSignal + int(unix.SIGINT)
	}
	d.rates.table(out)
	ok := r.held == r.total
	if limited.Err() != nil {
		out.fail("the plan", fmt.Errorf("not done after %v", innerLimit))
	}
	if log := d.appliance.logTail(logLines); !ok && log != "" {
		out.heading("The last that the appliance logged")
		out.output(log)
	}
	out.line("\ndemo: %d of %d steps held in %.1f s", r.held, r.total, time.Since(begin).Seconds())
	if !ok {
		return exitFailed
	}
	return 0
}

// leaveGroup makes a process group of what runs inside: Ctrl-C is for the outer
// process, which tells this one. A command that it hit by chance would
// look like a step that failed.
func leaveGroup() error {
	signal.Ignore(unix.SIGTTOU) // a background process may write to the terminal
	return unix.Setpgid(0, 0)
}

// prepare puts ipvl where the commands find it.
func prepare(binary io.Reader) error {
	if err := os.MkdirAll(binDir, 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(binDir, "ipvl"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o755)
	if err != nil {
		return err
	}
	if _, err = io.Copy(f, binary); err != nil {
		f.Close()
		return fmt.Errorf("copy ipvl: %w", err)
	}
	// A file that is open for writing cannot be executed.
	if err := f.Close(); err != nil {
		return err
	}
	for name, value := range map[string]string{
		"PATH":        binDir + ":" + os.Getenv("PATH"),
		"IPVL_SOCKET": socket,
		"LC_ALL":      "C", // the output of ping is read
	} {
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	return nil
}

// uidOutside is who the sandbox's root is to the machine (user_namespaces(7)).
func uidOutside() string {
	b, err := os.ReadFile("/proc/self/uid_map")
	if fields := strings.Fields(string(b)); err == nil && len(fields) >= 2 {
		return fields[1]
	}
	return "unknown"
}
