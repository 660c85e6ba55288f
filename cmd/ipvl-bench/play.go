package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipvl/ipvl/cmd/ipvl-bench/internal/lab"
	"github.com/ipvl/ipvl/cmd/ipvl-bench/internal/load"
	"github.com/ipvl/ipvl/cmd/ipvl-bench/internal/report"
)

// self is this program, for processes that it starts.
const self = "/proc/self/exe"

// reach sees that client and server reach each other.
func (e *entrant) reach(ctx context.Context) error {
	_, err := e.play(ctx, load.Spec{Kind: load.RR, Seconds: 0.05}, nil)
	return err
}

// take measures one thing once, and notes what came of it.
func (e *entrant) take(ctx context.Context, m measure, seconds float64) error {
	s := m.spec
	s.Seconds = seconds * m.part
	var core *unix.CPUSet
	if m.oneCore {
		one, all, err := cores()
		if err != nil {
			return err
		}
		core = &one
		if err := e.pin(one); err != nil {
			return err
		}
		defer func() { _ = e.pin(all) }() // it was allowed a moment ago
	}
	r, err := e.play(ctx, s, core)
	if err != nil {
		return err
	}
	for name, v := range m.values(r) {
		e.entry.Add(name, v)
	}
	if m.name == report.TCP1 {
		return e.weigh()
	}
	return nil
}

// weigh notes the memory of what carries the frames, where that is a process.
func (e *entrant) weigh() error {
	pids, err := e.lab.Switch()
	if err != nil || len(pids) == 0 {
		return err
	}
	mib, err := lab.Resident(pids)
	if err == nil {
		e.entry.Add(report.RSS, mib)
	}
	return err
}

// pin binds the switch to cores.
func (e *entrant) pin(set unix.CPUSet) error {
	pids, err := e.lab.Switch()
	if err != nil {
		return err
	}
	return lab.Pin(pids, set)
}

// cores returns the last of the cores that this process may use, and all.
func cores() (one, all unix.CPUSet, err error) {
	if err = unix.SchedGetaffinity(0, &all); err != nil {
		return one, all, err
	}
	for i, left := 0, all.Count(); left > 0; i++ {
		if all.IsSet(i) {
			if left--; left == 0 {
				one.Set(i)
			}
		}
	}
	return one, all, nil
}

// play runs a load from client to server; core binds both.
func (e *entrant) play(ctx context.Context, s load.Spec, core *unix.CPUSet) (load.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(s.Seconds*float64(time.Second))+4*load.Patience)
	defer cancel()
	var err error
	if s.Addr, err = e.to(); err != nil {
		return load.Result{}, err
	}
	spec, err := json.Marshal(s)
	if err != nil {
		return load.Result{}, err
	}
	var server *load.Process
	if e.server != "" {
		server, err = e.side(ctx, core, e.server, true, sideArg, load.ServerSide, string(spec))
		if err != nil {
			return load.Result{}, fmt.Errorf("start the server: %w", err)
		}
		if err := server.Ready(); err != nil {
			return load.Result{}, err
		}
	}
	client, err := e.startClient(ctx, core, string(spec))
	if err != nil {
		return load.Result{}, fmt.Errorf("start the client: %w", err)
	}
	r, err := client.Wait()
	if server == nil || err != nil {
		if server != nil {
			server.Kill()
		}
		return r, errors.Join(err, ctx.Err())
	}
	seen, err := server.Wait()
	return load.Merge(r, seen), errors.Join(err, ctx.Err())
}

func (e *entrant) startClient(ctx context.Context, core *unix.CPUSet, spec string) (*load.Process, error) {
	if e.inproc == "" {
		return e.side(ctx, core, e.client, true, sideArg, load.ClientSide, spec)
	}
	target := "-"
	if e.server != "" {
		target = e.lab.Space(e.server)
	}
	return e.side(ctx, core, e.client, false, inprocArg, e.inproc, target, spec)
}

// side starts one side of a load in a namespace. raw says that it blocks
// without Go's knowing.
func (e *entrant) side(ctx context.Context, core *unix.CPUSet, space string, raw bool, args ...string) (*load.Process, error) {
	cmd := e.lab.Command(ctx, append([]string{self}, args...)...)
	if raw {
		cmd.Env = append(cmd.Env, load.Env()...)
	}
	return load.Start(cmd, func() error { return e.lab.In(space, func() error { return startOn(cmd, core) }) })
}

// startOn starts a command that is bound to cores from its first moment: it
// inherits them from the thread that starts it.
func startOn(cmd *exec.Cmd, core *unix.CPUSet) error {
	if core == nil {
		return cmd.Start()
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return err
	}
	if err := unix.SchedSetaffinity(0, core); err != nil {
		return err
	}
	err := cmd.Start()
	return errors.Join(err, unix.SchedSetaffinity(0, &before))
}
