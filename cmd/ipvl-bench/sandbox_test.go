package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ipvl/ipvl/cmd/ipvl-bench/internal/report"
)

// fakeIPVL stands for ipvl: it serves nothing, and only SIGKILL ends that.
func fakeIPVL(args []string) int {
	if args[0] != "serve" {
		fmt.Println("ipvl utility, ipvl-fake")
		return 0
	}
	signal.Ignore(unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	if _, err := os.NewFile(3, "ready").WriteString("\n"); err != nil {
		return 1
	}
	<-make(chan int)
	return 0
}

// startBench starts the bench with the fake ipvl.
func startBench(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// The test binary's own directory is closed to the user that root becomes,
	// but what it starts is the file in /proc.
	cmd := exec.Command(self, append(args, self)...)
	cmd.Env = append(os.Environ(), envBench+"="+t.Name(), "TMPDIR="+t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: unix.SIGKILL}
	return cmd
}

// leavesNothing looks for processes of the test.
func leavesNothing(t *testing.T) {
	t.Helper()
	envs, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil || len(envs) == 0 {
		t.Fatalf("no process to look at: %v", err)
	}
	for _, path := range envs {
		b, err := os.ReadFile(path)
		if err == nil && bytes.Contains(append(b, 0), []byte(envBench+"="+t.Name()+"\x00")) {
			t.Errorf("%s is left", filepath.Dir(path))
		}
	}
}

// A short run gives a report with the figures of a contender of the kernel's and
// one in process, and names one that cannot be built as missing.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	cmd := startBench(t, "-rounds", "1", "-seconds", "0.05", "-contenders", "veth,l2,master-tap", "-measures", "tcp1,rr1", "-out", dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	b, err := os.ReadFile(dir + "/bench.json")
	if err != nil {
		t.Fatal(err)
	}
	r, err := report.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	veth, l2 := r.Entry("veth"), r.Entry("l2")
	if veth == nil || len(veth.Values[report.TCP1]) != 1 || len(veth.Values[report.RR199]) != 1 || len(veth.Commands) == 0 {
		t.Errorf("%+v\n%s", veth, out)
	}
	if tap := r.Entry("master-tap"); tap == nil || len(tap.Values[report.TCP1]) != 1 {
		t.Errorf("%+v", tap)
	}
	if l2 == nil || !strings.Contains(l2.Missing, "ipvl0") || len(l2.Values) > 0 {
		t.Errorf("%+v", l2)
	}
	if r.Machine.IPVL != "ipvl utility, ipvl-fake" || r.Machine.Cores < 1 || r.Machine.Kernel == "" {
		t.Errorf("%+v", r.Machine)
	}
	if info, err := os.Stat(dir + "/bench.svg"); err != nil || info.Size() == 0 {
		t.Errorf("the chart: %v, %v", info, err)
	}
	leavesNothing(t)
}

// Ctrl-C, which goes to the whole process group, and SIGTERM end a run that
// would be long; nothing is left.
func TestSignalLeavesNothing(t *testing.T) {
	for sig, group := range map[syscall.Signal]int{unix.SIGINT: -1, unix.SIGTERM: 1} {
		t.Run(sig.String(), func(t *testing.T) {
			cmd := startBench(t, "-rounds", "1000", "-seconds", "0.05", "-contenders", "veth", "-measures", "tcp1,rr")
			stderr, err := cmd.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(stderr)
			if !lines.Scan() || !strings.HasPrefix(lines.Text(), "round 1 ") {
				t.Errorf("it begins with %q", lines.Text())
			}
			if err := unix.Kill(group*cmd.Process.Pid, sig); err != nil {
				t.Fatal(err)
			}
			var rest []string
			for lines.Scan() {
				rest = append(rest, lines.Text())
			}
			_ = cmd.Wait() // the exit code says it
			if code := cmd.ProcessState.ExitCode(); code != exitSignal+int(sig) {
				t.Errorf("exit code %d\n%s", code, strings.Join(rest, "\n"))
			}
			leavesNothing(t)
		})
	}
}
