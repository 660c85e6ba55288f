package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipvl/ipvl/cmd/ipvl-bench/internal/report"
	"github.com/ipvl/ipvl/nsutil/sandbox"
)

const (
	// runDir and binDir are on the sandbox's own tmpfs.
	runDir = "/run/ipvl-bench"
	binDir = runDir + "/bin"
)

// inside measures in the sandbox and writes the report to standard output; it
// returns the exit code. Nothing is cleaned up: this is process 1 of a PID
// namespace, and all ends with it.
func inside(args []string) int {
	o, err := parseFlags(args, os.Stderr)
	if err != nil || !sandbox.Inside() {
		return exitUsage
	}
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	defer stop()
	// Ctrl-C is for the outer process, which tells this one.
	signal.Ignore(unix.SIGTTOU)
	if err := unix.Setpgid(0, 0); err != nil {
		fmt.Fprintln(os.Stderr, "ipvl-bench: leave the process group:", err)
		return exitFailed
	}
	r, err := bench(ctx, o, os.Stdin, os.Stderr)
	if err == nil {
		err = send(r, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "ipvl-bench:", err)
		return exitFailed
	}
	return 0
}

func send(r *report.Report, w io.Writer) error {
	b, err := r.JSON()
	if err != nil {
		return err
	}
	_, err = w.Write(b)
	return err
}

// bench is the whole run.
func bench(ctx context.Context, o options, programs io.Reader, progress io.Writer) (*report.Report, error) {
	if err := unpack(programs, binDir); err != nil {
		return nil, fmt.Errorf("unpack the programs: %w", err)
	}
	if err := os.Setenv("PATH", binDir+":"+os.Getenv("PATH")); err != nil {
		return nil, err
	}
	begun := time.Now()
	r := &report.Report{Begun: begun, Rounds: o.rounds, Seconds: o.seconds, Metrics: report.Metrics()}
	var err error
	if r.Machine, err = machine(ctx); err != nil {
		return nil, err
	}
	if r.Machine.Busy[0], err = busy(ctx); err != nil {
		return nil, err
	}
	if o.growth {
		r.Growth, err = growth(ctx, o, progress)
	} else {
		r.Entries, err = compete(ctx, o, progress)
	}
	if err != nil {
		return nil, err
	}
	r.Took = time.Since(begun)
	r.Machine.Busy[1], err = busy(ctx)
	return r, err
}

// compete builds all topologies and measures.
func compete(ctx context.Context, o options, progress io.Writer) ([]*report.Contender, error) {
	all, err := assemble(ctx, o, progress)
	if err != nil {
		return nil, err
	}
	if err := rounds(ctx, o, all, progress); err != nil {
		return nil, err
	}
	var entries []*report.Contender
	for _, e := range all {
		entries = append(entries, e.entry)
	}
	return entries, nil
}

// ipvlPath is where ipvl is inside.
func ipvlPath() string { return filepath.Join(binDir, "ipvl") }
