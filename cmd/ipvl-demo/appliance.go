package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// appliance is "ipvl serve", running.
type appliance struct {
	cmd    *exec.Cmd
	log    string // path
	exited chan struct{}
	err    error // how it ended; read after exited
}

// start runs the command line and waits until the appliance says that it is ready.
func (a *appliance) start(ctx context.Context, line string) error {
	log, err := os.OpenFile(a.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	ready, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer ready.Close()
	argv := strings.Fields(line)
	a.cmd = exec.Command(argv[0], argv[1:]...)
	a.cmd.Stdout, a.cmd.Stderr = log, log
	a.cmd.ExtraFiles = []*os.File{w} // descriptor 3
	err = a.cmd.Start()
	w.Close()
	if err != nil {
		return err
	}
	a.exited = make(chan struct{})
	go func() {
		a.err = a.cmd.Wait()
		close(a.exited)
	}()
	stop := context.AfterFunc(ctx, func() { _ = ready.SetReadDeadline(time.Now()) })
	defer stop()
	if n, err := ready.Read(make([]byte, 64)); n == 0 {
		return fmt.Errorf("the appliance did not become ready: %w", err)
	}
	return nil
}

// terminate asks the appliance to end, which it has to do by exit 0.
func (a *appliance) terminate(ctx context.Context) (string, error) {
	begin := time.Now()
	if err := a.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return "", err
	}
	select {
	case <-a.exited:
	case <-ctx.Done():
		return "", fmt.Errorf("the appliance does not end: %w", ctx.Err())
	}
	if a.err != nil {
		return "", fmt.Errorf("the appliance ended: %w", a.err)
	}
	return fmt.Sprintf("exit 0 after %d ms", time.Since(begin).Milliseconds()), nil
}

// logTail returns the last lines of what the appliance logged.
func (a *appliance) logTail(lines int) string {
	b, err := os.ReadFile(a.log)
	if errors.Is(err, os.ErrNotExist) {
		return ""
	}
	if err != nil {
		return err.Error()
	}
	all := strings.SplitAfter(strings.TrimSpace(string(b)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "")
}
