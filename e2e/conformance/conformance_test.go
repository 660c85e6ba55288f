package conformance

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ipvl/ipvl/nsutil/sandbox"
)

const (
	recordFile    = "testdata/kernel-6.1.json"
	onPurposeFile = "testdata/on-purpose.txt"
	// envBinary names the binary to compare, where it is not to be built.
	envBinary = "IPVL_E2E_BINARY"
)

var (
	allFlag    = flag.Bool("all", false, "all cases in all kinds of sandbox that the caller may make, with io_uring and without")
	kernelFlag = flag.Bool("kernel", false, "compare with what the kernel's driver does now, in user-mode Linux")
	renewFlag  = flag.Bool("renew", false, "as -kernel, and keep that as the record")
	umlFlag    = flag.String("uml", "/", "the folder with Debian's packages user-mode-linux and iptables, unpacked")
	caseFlag   = flag.String("case", "", "only the cases whose name contains this, or \"changes\" for those that change their world")
)

func TestMain(m *testing.M) {
	if os.Getpid() == 1 && os.Getenv(envOut) != "" {
		initMain()
		return
	}
	sandbox.Init()
	if os.Getenv(envWork) != "" {
		if err := workerMain(); err != nil {
			fmt.Fprintln(os.Stderr, "conformance:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// The binary that ships does what the kernel's driver does, but for what the
// list of purposes names.
func TestAsTheKernel(t *testing.T) {
	all, err := loadCases()
	if err != nil {
		t.Fatal(err)
	}
	cases := selected(all, *caseFlag)
	recorded, err := readRecord(recordFile)
	if err != nil {
		recorded = &record{Cases: map[string]observation{}} // there is none yet
	}
	want, err := kernelSide(all, cases, recorded)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := prepare(dir); err != nil {
		t.Fatal(err)
	}
	for _, k := range kinds() {
		r := report{cases: cases, want: want, recorded: recorded, kind: k.String(), verbose: testing.Verbose()}
		if k.sample {
			r.cases = sample(cases)
		}
		if r.purposes, err = readPurposes(onPurposeFile, k.backend()); err != nil {
			t.Fatal(err)
		}
		if r.got, err = shareRun(k, dir, *caseFlag); err != nil {
			t.Fatal(err)
		}
		if !r.print(os.Stdout) {
			t.Fail()
		}
	}
}

// prepare puts the binary, this program and its data where an ordinary user
// can read them.
func prepare(dir string) error {
	for d := dir; d != os.TempDir() && len(d) > 1; d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			return err
		}
	}
	binary := filepath.Join(dir, "ipvl")
	if given := os.Getenv(envBinary); given != "" {
		if err := copyFile(binary, given); err != nil {
			return err
		}
	} else {
		build := exec.Command("go", "build", "-o", binary, "github.com/ipvl/ipvl/cmd/ipvl")
		build.Stdout, build.Stderr = os.Stdout, os.Stderr
		if err := build.Run(); err != nil {
			return fmt.Errorf("build the binary: %w", err)
		}
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if err := copyFile(filepath.Join(dir, "conformance.test"), self); err != nil {
		return err
	}
	return os.CopyFS(filepath.Join(dir, "testdata"), os.DirFS("testdata"))
}

func copyFile(to, from string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o755)
}

func selected(cases []testCase, filter string) []testCase {
	var some []testCase
	for _, c := range cases {
		if strings.Contains(c.key, filter) || filter == "changes" && c.commands() > 0 {
			some = append(some, c)
		}
	}
	return some
}
