package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// process is the demo, run for real in a process group of its own, as a shell would.
type process struct {
	cmd    *exec.Cmd
	out    *bufio.Reader
	stderr bytes.Buffer
	mark   string
	tmp    string
}

// startDemo starts the demo with a fake ipvl. mode is that of its binary's file.
func startDemo(t *testing.T, fake string, mode os.FileMode) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(t.TempDir(), "ipvl-demo")
	b, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(binary, b, mode); err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: exec.Command(binary, self), tmp: t.TempDir(), mark: envDemo + "=" + t.Name()}
	p.cmd.Env = append(os.Environ(), p.mark, envFake+"="+fake, "TMPDIR="+p.tmp)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: unix.SIGKILL}
	p.cmd.Stderr = &p.stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.out = bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

// readTo reads what the demo prints up to a line that begins with prefix.
func (p *process) readTo(t *testing.T, prefix string) {
	t.Helper()
	for {
		line, err := p.out.ReadString('\n')
		if err != nil {
			t.Fatalf("%q was not printed: %v\n%s", prefix, err, p.stderr.String())
		}
		if strings.HasPrefix(line, prefix) {
			return
		}
	}
}

// wait returns the rest of what it printed, and how it ended, as a shell puts it.
func (p *process) wait(t *testing.T) (string, int) {
	t.Helper()
	rest, err := io.ReadAll(p.out)
	if err != nil {
		t.Error(err)
	}
	_ = p.cmd.Wait() // the state says it all
	ws := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if ws.Signaled() {
		return string(rest), exitSignal + int(ws.Signal())
	}
	return string(rest), ws.ExitStatus()
}

// leavesNothing looks for processes and temporary files.
func (p *process) leavesNothing(t *testing.T) {
	t.Helper()
	envs, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil || len(envs) == 0 {
		t.Fatalf("no process to look at: %v", err)
	}
	for _, path := range envs {
		b, err := os.ReadFile(path)
		if err == nil && bytes.Contains(append(b, 0), []byte(p.mark+"\x00")) {
			t.Errorf("%s is left", filepath.Dir(path))
		}
	}
	files, err := os.ReadDir(p.tmp)
	if err != nil || len(files) > 0 {
		t.Errorf("files are left: %v, %v", files, err)
	}
}

// Whenever a signal comes, the demo ends by it and leaves nothing, even where
// the command that runs will not end. Ctrl-C goes to the whole process group.
func TestSignalLeavesNothing(t *testing.T) {
	for _, c := range []struct{ fake, after string }{
		{"mute", ""},
		{"mute", "# ip netns add lan"},
		{"mute", "# ipvl serve"},
		{"hang", "# ipvl link add"},
	} {
		for sig, group := range map[syscall.Signal]bool{unix.SIGINT: true, unix.SIGTERM: false} {
			t.Run(fmt.Sprintf("%v after %q", sig, c.after), func(t *testing.T) {
				p := startDemo(t, c.fake, 0o755)
				if c.after != "" {
					p.readTo(t, c.after)
				}
				pid := p.cmd.Process.Pid
				if group {
					pid = -pid
				}
				if err := unix.Kill(pid, sig); err != nil {
					t.Fatal(err)
				}
				out, code := p.wait(t)
				if want := exitSignal + int(sig); code != want {
					t.Errorf("exit code %d, want %d\n%s%s", code, want, out, p.stderr.String())
				}
				if strings.Contains(out, "FAIL") {
					t.Errorf("an interrupted step is said to have failed:\n%s", out)
				}
				p.leavesNothing(t)
			})
		}
	}
}

// A command that fails ends the demo by exit code 1. The binary may be closed to
// the user that root becomes.
func TestRefusalFails(t *testing.T) {
	for _, mode := range []os.FileMode{0o755, 0o700} {
		t.Run(mode.String(), func(t *testing.T) {
			p := startDemo(t, "refuse", mode)
			out, code := p.wait(t)
			if code != exitFailed {
				t.Errorf("exit code %d\n%s", code, p.stderr.String())
			}
			for _, want := range []string{
				"\n# ipvl link add link eth0 ipvl0 type ipvlan mode l2\nFAIL ipvl link add ",
				"\n     Error: refused by the fake.\n", "\n    the fake serves\n", " steps held in ",
			} {
				if !strings.Contains(out, want) {
					t.Errorf("%q is not in\n%s%s", want, out, p.stderr.String())
				}
			}
			if strings.Contains(out, "\nok   L2") {
				t.Errorf("the plan went on:\n%s", out)
			}
			p.leavesNothing(t)
		})
	}
}
