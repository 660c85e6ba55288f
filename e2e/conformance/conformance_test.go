package conformance

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ipvl/ipvl/nsutil/sandbox"
)

const (
	recordFile    = "testdata/kernel-6.1.json"
	onPurposeFile = "testdata/on-purpose.txt"
	envBinary     = "IPVL_CONFORMANCE_BINARY"
	envShard      = "IPVL_CONFORMANCE_SHARD"
)

var (
	renewFlag = flag.Bool("renew", false, "record anew what the kernel's driver does, in user-mode Linux")
	umlFlag   = flag.String("uml", "/", "the folder with Debian's package user-mode-linux, unpacked")
	caseFlag  = flag.String("case", "", "only the cases whose name contains this, or \"changes\" for those that change their world")
)

func TestMain(m *testing.M) {
	if os.Getpid() == 1 && os.Getenv(envOut) != "" {
		initMain()
		return
	}
	sandbox.Init()
	if sandbox.Inside() {
		os.Exit(m.Run())
	}
	flag.Parse()
	if flag.Lookup("test.fuzz").Value.String() != "" {
		os.Exit(m.Run()) // its workers are processes of its own making
	}
	code, err := outside()
	if err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		os.Exit(1)
	}
	os.Exit(code)
}

// outside renews the record if asked to, builds the binary and runs the test
// in each sandbox that the caller may make.
func outside() (int, error) {
	if *renewFlag {
		if err := renew(*umlFlag, *caseFlag); err != nil {
			return 0, err
		}
	}
	dir, err := os.MkdirTemp("", "ipvl-conformance-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	if err := prepare(dir); err != nil {
		return 0, err
	}
	kinds := []sandbox.Options{{PID: true}}
	// TAPs need /dev/net/tun, which is root's on some machines, and not in every container.
	if tun, err := os.OpenFile("/dev/net/tun", os.O_RDWR, 0); err == nil && os.Geteuid() == 0 {
		tun.Close()
		kinds = append(kinds, sandbox.Options{PID: true, Root: true})
	}
	var jobs []*job
	for _, o := range kinds {
		for shard := range shards {
			j, err := newJob(o, dir, shard)
			if err != nil {
				return 0, err
			}
			jobs = append(jobs, j)
		}
	}
	worst := 0
	for _, j := range jobs {
		<-j.done
		os.Stdout.Write(j.output.Bytes())
		if j.cmd.ProcessState == nil {
			return 0, fmt.Errorf("start a sandbox: %w", j.err)
		}
		worst = max(worst, j.cmd.ProcessState.ExitCode())
	}
	return worst, nil
}

// shards is how many sandboxes of a kind share the cases: they mostly wait for
// the kernel to take interfaces down.
const shards = 2

// job is a run of this test in a sandbox.
type job struct {
	cmd    *exec.Cmd
	output bytes.Buffer
	done   chan struct{}
	err    error
}

func newJob(o sandbox.Options, dir string, shard int) (*job, error) {
	cmd, err := sandbox.Command(o, append([]string{filepath.Join(dir, "conformance.test")}, os.Args[1:]...)...)
	if err != nil {
		return nil, err
	}
	j := &job{cmd: cmd, done: make(chan struct{})}
	cmd.Env = append(os.Environ(), envBinary+"="+filepath.Join(dir, "ipvl"), envShard+"="+strconv.Itoa(shard))
	cmd.Stdout, cmd.Stderr, cmd.Dir = &j.output, &j.output, dir
	go func() {
		defer close(j.done)
		j.err = sandbox.Run(cmd)
	}()
	return j, nil
}

// share returns this sandbox's part of the cases: worlds that many cases have in
// common stay together.
func share(cases []testCase) []testCase {
	var mine []testCase
	for i, c := range cases {
		n := i
		if c.commands() == 0 {
			n = len(c.world.flag) // bridge and vepa, or private
		}
		if strconv.Itoa(n%shards) == os.Getenv(envShard) {
			mine = append(mine, c)
		}
	}
	return mine
}

// prepare puts the binary, this program and its data where an ordinary user
// can read them.
func prepare(dir string) error {
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "ipvl"), "github.com/ipvl/ipvl/cmd/ipvl")
	build.Stdout, build.Stderr = os.Stdout, os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("build the binary: %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	b, err := os.ReadFile(self)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "conformance.test"), b, 0o755); err != nil {
		return err
	}
	return os.CopyFS(filepath.Join(dir, "testdata"), os.DirFS("testdata"))
}

func selected(cases []testCase, filter string) []testCase {
	var some []testCase
	for _, c := range cases {
		if strings.Contains(c.key, filter) || filter == "changes" && c.commands() > 0 {
			some = append(some, c)
		}
	}
	// Each world is built once for all cases that leave it as it was.
	slices.SortStableFunc(some, func(a, b testCase) int {
		return cmp.Or(cmp.Compare(a.commands(), b.commands()), cmp.Compare(a.world.String(), b.world.String()))
	})
	return some
}

// The binary that ships does what the kernel's driver does, but for what the
// list of purposes names.
func TestAsTheKernel(t *testing.T) {
	cases, err := loadCases()
	if err != nil {
		t.Fatal(err)
	}
	cases = share(selected(cases, *caseFlag))
	want, err := readRecord(recordFile)
	if err != nil {
		t.Fatal(err)
	}
	l, err := newLab()
	if err != nil {
		t.Fatal(err)
	}
	a, err := newAppliance(os.Getenv(envBinary), t.TempDir(), "--backend", backend())
	if err != nil {
		t.Fatal(err)
	}
	l.engine = a
	purposes, err := readPurposes(onPurposeFile, backend())
	if err != nil {
		t.Fatal(err)
	}
	for key := range purposes {
		if want.Cases[key] == nil {
			t.Errorf("%s: there is no such case: %s", onPurposeFile, key)
		}
	}
	var v verdicts
	// No patience for what is not expected to come.
	hurry := &record{Cases: map[string]observation{}}
	for key, o := range want.Cases {
		if purposes[key] == "" {
			hurry.Cases[key] = o
		}
	}
	err = l.runAll(cases, hurry, func(c testCase, o observation) {
		v.compare(t, purposes, c, want.Cases[c.key], o)
	})
	if err != nil {
		t.Errorf("%v\n%s", err, a.logText())
	}
	t.Logf("%d cases (%s, kernel %s): %d same, %d on purpose, %d different", len(cases), backend(), want.Kernel, v.same, v.onPurpose, v.different)
	if err := a.close(); err != nil {
		t.Error(err)
	}
}

// backend is how the binary makes devices: veth pairs as an ordinary user, TAPs as root.
func backend() string {
	if sandbox.Kind() == sandbox.KindRoot {
		return "tap"
	}
	return "veth"
}

// verdicts counts.
type verdicts struct{ same, onPurpose, different int }

func (v *verdicts) compare(t *testing.T, purposes map[string]string, c testCase, want, got observation) {
	why := purposes[c.key]
	switch same := reflect.DeepEqual(want, got); {
	case same && why == "":
		v.same++
		if testing.Verbose() {
			fmt.Println("same:", c.key)
		}
	case same:
		v.different++
		t.Errorf("SAME BY NOW, take it off the list: %s (%s)", c.key, why)
	case why != "":
		v.onPurpose++
		fmt.Printf("on purpose: %s (%s)\n", c.key, why)
	default:
		v.different++
		t.Errorf("DIFFERENT: %s%s", c.key, contrast(c, want, got))
	}
}

// contrast tells what only one side saw, step by step.
func contrast(c testCase, want, got observation) string {
	if want == nil {
		return "\n\tnot recorded: renew the record"
	}
	var b strings.Builder
	for i := range c.steps {
		var w, g []string
		if i < len(want) {
			w = want[i]
		}
		if i < len(got) {
			g = got[i]
		}
		if reflect.DeepEqual(w, g) {
			continue
		}
		if len(c.steps) > 1 {
			fmt.Fprintf(&b, "\n\t%s", c.steps[i].text)
		}
		for _, line := range only(w, g) {
			fmt.Fprintf(&b, "\n\t\tkernel: %s", line)
		}
		for _, line := range only(g, w) {
			fmt.Fprintf(&b, "\n\t\tipvl:   %s", line)
		}
	}
	return b.String()
}

// only returns what is in a more often than in b.
func only(a, b []string) []string {
	count := map[string]int{}
	for _, s := range b {
		count[s]++
	}
	var rest []string
	for _, s := range a {
		if count[s]--; count[s] < 0 {
			rest = append(rest, s)
		}
	}
	return rest
}
