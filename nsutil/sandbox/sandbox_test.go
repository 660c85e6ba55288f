package sandbox_test

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ipvl/ipvl/nsutil/sandbox"
	"github.com/ipvl/ipvl/nsutil/sandbox/sandboxtest"
)

func TestMain(m *testing.M) {
	sandbox.Init()
	os.Exit(m.Run())
}

// quick is the environment without the second that the race detector's
// runtime lingers at every exit.
func quick() []string { return append(os.Environ(), "GORACE=atexit_sleep_ms=0") }

func output(t *testing.T, o sandbox.Options, argv ...string) (string, error) {
	t.Helper()
	cmd, err := sandbox.Command(o, argv...)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr = quick(), &out, &out
	err = sandbox.Run(cmd)
	return strings.TrimSpace(out.String()), err
}

func TestCommandRunsAsRootOfAnOrdinaryUser(t *testing.T) {
	got, err := output(t, sandbox.Options{}, "cat", "/proc/self/uid_map")
	if err != nil {
		t.Fatalf("%v: %s", err, got)
	}
	fields := strings.Fields(got)
	if len(fields) != 3 || fields[0] != "0" || fields[1] == "0" || fields[2] != "1" {
		t.Fatalf("uid_map %q, want 0 mapped to one ordinary user", got)
	}
}

func TestCommandPassesTheExitCode(t *testing.T) {
	for _, tc := range []struct {
		script string
		want   int
	}{
		{"exit 0", 0},
		{"exit 7", 7},
		{"kill -TERM $$", 128 + int(unix.SIGTERM)},
	} {
		cmd, err := sandbox.Command(sandbox.Options{PID: tc.want == 7}, "sh", "-c", tc.script)
		if err != nil {
			t.Fatal(err)
		}
		cmd.Env = quick()
		_ = sandbox.Run(cmd)
		got := cmd.ProcessState.ExitCode()
		// Without a stage between, the caller sees the signal itself.
		if ws := cmd.ProcessState.Sys().(syscall.WaitStatus); ws.Signaled() {
			got = 128 + int(ws.Signal())
		}
		if got != tc.want {
			t.Errorf("%s: exit code %d, want %d", tc.script, got, tc.want)
		}
	}
}

func TestCommandThatDoesNotExist(t *testing.T) {
	got, err := output(t, sandbox.Options{}, "ipvl-no-such-command")
	if err == nil || !strings.Contains(got, "ipvl-no-such-command") {
		t.Fatalf("error %v, output %q", err, got)
	}
	if _, err := sandbox.Command(sandbox.Options{}); err == nil {
		t.Fatal("no command was accepted")
	}
}

func TestPIDNamespace(t *testing.T) {
	got, err := output(t, sandbox.Options{PID: true}, "sh", "-c", "echo $$; cat /proc/1/comm")
	if err != nil || got != "1\nsh" {
		t.Fatalf("%v: %q", err, got)
	}
}

func TestInsideHasItsOwnNetwork(t *testing.T) {
	outside := sandbox.Kind()
	sandboxtest.Each(t, func(t *testing.T) {
		if !sandbox.Inside() || outside == "" {
			t.Fatal("not inside")
		}
		links, err := net.Interfaces()
		if err != nil {
			t.Fatal(err)
		}
		if len(links) != 1 || links[0].Flags&net.FlagUp == 0 {
			t.Fatalf("interfaces %v, want lo alone, up", links)
		}
		sandboxtest.AddNetns(t, "a")
		if _, err := os.Stat("/sys/class/net/lo"); err != nil {
			t.Error(err)
		}
		if out, err := exec.Command("ls", "/sys/class/net").Output(); err != nil || string(out) != "lo\n" {
			t.Errorf("/sys/class/net holds %q, %v", out, err)
		}
	})
}
