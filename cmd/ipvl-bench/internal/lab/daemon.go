package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// grace is how long a program has to end when it is told to.
const grace = 3 * time.Second

// daemon is a program that runs beside.
type daemon struct {
	cmd    *exec.Cmd
	exited chan struct{}
}

// start starts a program and waits until it is ready, if it can tell.
func (l *Lab) start(ctx context.Context, p line) error {
	log, err := os.Create(l.log(len(l.daemons)))
	if err != nil {
		return err
	}
	defer log.Close()
	ready, said, err := os.Pipe()
	if err != nil {
		return err
	}
	defer ready.Close()
	defer said.Close()
	d := &daemon{cmd: l.Command(context.Background(), p.argv...), exited: make(chan struct{})}
	d.cmd.Stdout, d.cmd.Stderr = log, log
	if p.readyFD() {
		d.cmd.ExtraFiles = []*os.File{said}
	}
	if err := l.launch(d, p.space); err != nil || !p.readyFD() {
		return err
	}
	said.Close() // or the end of a program that fails is not seen
	defer context.AfterFunc(ctx, func() { _ = ready.SetReadDeadline(time.Now()) })()
	if n, err := ready.Read(make([]byte, 64)); n == 0 {
		return fmt.Errorf("it did not become ready: %w\n%s", err, l.Log())
	}
	return nil
}

// launch starts a program in a namespace. Its standard input stays open and
// empty, because an end of file ends some.
func (l *Lab) launch(d *daemon, space string) error {
	stdin, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer stdin.Close()
	d.cmd.Stdin = stdin
	if err := l.In(space, d.cmd.Start); err != nil {
		w.Close()
		return err
	}
	l.daemons = append(l.daemons, d)
	go func() {
		_ = d.cmd.Wait() // whoever needs it finds out
		w.Close()
		close(d.exited)
	}()
	return nil
}

func (l *Lab) log(i int) string { return filepath.Join(l.Dir, fmt.Sprintf("log%d", i)) }

// Log is the end of what the programs printed.
func (l *Lab) Log() string {
	var out []string
	for i := range l.daemons {
		if b, err := os.ReadFile(l.log(i)); err == nil {
			out = append(out, string(b[max(0, len(b)-2000):]))
		}
	}
	return strings.Join(out, "\n")
}

// end asks the program to end, and kills it if it does not.
func (d *daemon) end() error {
	select {
	case <-d.exited:
		return nil
	default:
	}
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	t := time.AfterFunc(grace, func() { _ = d.cmd.Process.Kill() })
	defer t.Stop()
	<-d.exited
	return nil
}
