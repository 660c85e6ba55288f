package load

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
)

// Process is a side that runs.
type Process struct {
	cmd    *exec.Cmd
	out    *bufio.Reader
	stderr bytes.Buffer
}

// Start starts a process whose standard output Main writes. start is how: it is
// cmd.Start, in the right namespace.
func Start(cmd *exec.Cmd, start func() error) (*Process, error) {
	p := &Process{cmd: cmd}
	cmd.Stderr = &p.stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewReader(out)
	return p, start()
}

// Ready waits until a server listens.
func (p *Process) Ready() error {
	l, err := p.out.ReadString('\n')
	if strings.TrimSpace(l) == ready {
		return nil
	}
	_, errWait := p.Wait()
	return errors.Join(fmt.Errorf("the server did not become ready: %w", err), errWait)
}

// Wait returns what the process printed as its result.
func (p *Process) Wait() (Result, error) {
	b, err := io.ReadAll(p.out)
	if errWait := p.cmd.Wait(); errWait != nil {
		err = errors.Join(fmt.Errorf("%s", strings.TrimSpace(p.stderr.String())), errWait)
	}
	var r Result
	if err == nil {
		err = json.Unmarshal(b, &r)
	}
	return r, err
}

// Kill ends the process and waits for it.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	_ = p.cmd.Wait()
}
