package conformance

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// envOut tells this program that it is init of a user-mode Linux, and where
// on the machine outside to write the record.
const envOut = "IPVL_CONFORMANCE_OUT"

// modules are what the cases need. Rules are iptables': there is no nft_nat.
var modules = []string{
	"ipv6", "veth", "ipvlan", "macvlan", "bridge", "8021q", "iptable_filter", "iptable_nat", "ip6table_filter", "ip6table_nat",
	"xt_tcpudp", "xt_conntrack", "xt_nat", "xt_MASQUERADE",
}

// instances is how many user-mode Linuxes share the cases: each has one processor.
const instances = 2

// howToGet tells what the kernel's side needs.
const howToGet = `there is no user-mode Linux: "make oracle", "apt-get install user-mode-linux iptables" as root, or unpack the two
packages ("apt-get download", "dpkg -x") and name the folder with UML=DIR for make, -uml DIR for go test`

// kernelSide returns what the kernel's driver makes of the cases: what it makes
// of them now, or, without user-mode Linux, what is recorded.
func kernelSide(all, cases []testCase, old *record) (*record, error) {
	if !*kernelFlag && !*renewFlag {
		return old, nil
	}
	if _, err := os.Stat(filepath.Join(*umlFlag, "usr/bin/linux.uml")); err != nil {
		if *renewFlag {
			return nil, errors.New(howToGet)
		}
		fmt.Printf("%s; comparing with what Linux %s did, as recorded\n", howToGet, old.Kernel)
		return old, nil
	}
	news, err := boot(*umlFlag, *caseFlag)
	if err != nil {
		return nil, err
	}
	for _, c := range cases {
		if !*renewFlag && !reflect.DeepEqual(news.Cases[c.key], old.Cases[c.key]) {
			fmt.Printf("NOT AS RECORDED of Linux %s: %s%s\n", old.Kernel, c.key, contrast(c, old.Cases[c.key], news.Cases[c.key]))
		}
	}
	for _, c := range all {
		if _, ok := news.Cases[c.key]; !ok {
			news.Cases[c.key] = old.Cases[c.key]
		}
	}
	if *renewFlag {
		return news, news.write(recordFile, all)
	}
	return news, nil
}

// boot starts user-mode Linuxes with this program as their init, which share the
// cases, and returns what they saw. uml is unpacked Debian packages, or /.
func boot(uml, filter string) (*record, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	here, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	out, err := os.MkdirTemp("", "ipvl-conformance-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(out)
	if err := os.Mkdir(filepath.Join(out, "claims"), 0o755); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Minute)
	defer cancel()
	ended := make(chan error, instances)
	for i := range instances {
		cmd := exec.CommandContext(ctx, filepath.Join(uml, "usr/bin/linux.uml"), "mem=384M", "root=/dev/root", "rootfstype=hostfs", "rootflags=/",
			"ro", "init="+self, "con=null", "con0=null,fd:1", "quiet", envOut+"="+out, "IPVL_CONFORMANCE_NUMBER="+strconv.Itoa(i),
			"IPVL_CONFORMANCE_HERE="+here, "IPVL_CONFORMANCE_UML="+uml, "IPVL_CONFORMANCE_RUN="+url.QueryEscape(filter))
		cmd.WaitDelay = time.Second
		go func() { ended <- runLinux(ctx, cmd, filepath.Join(out, "saw-"+strconv.Itoa(i)+".json")) }()
	}
	for range instances {
		err = errors.Join(err, <-ended)
	}
	if err != nil {
		return nil, err
	}
	return gather(out)
}

// runLinux runs one user-mode Linux to its end, which it comes to in many ways:
// what counts is what it left.
func runLinux(ctx context.Context, cmd *exec.Cmd, record string) error {
	console, _ := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return fmt.Errorf("user-mode Linux did not end: %w\n%s", ctx.Err(), console)
	}
	if _, err := os.Stat(record); err != nil {
		return fmt.Errorf("no record: %w (the program has to be static: CGO_ENABLED=0)\n%s", err, console)
	}
	return nil
}

// initMain is this program as init of a user-mode Linux.
func initMain() {
	if err := initRecord(); err != nil {
		fmt.Println("init:", err)
	}
	unix.Sync()
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
}

func initRecord() error {
	for _, m := range [][2]string{{"tmpfs", "/run"}, {"proc", "/proc"}, {"sysfs", "/sys"}} {
		if err := unix.Mount(m[0], m[1], m[0], 0, ""); err != nil {
			return fmt.Errorf("mount %s: %w", m[1], err)
		}
	}
	for _, dir := range []string{"/run/out", "/run/netns"} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
	}
	if err := unix.Mount("none", "/run/out", "hostfs", 0, os.Getenv(envOut)); err != nil {
		return fmt.Errorf("mount the folder for the record: %w", err)
	}
	if err := os.Setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"); err != nil {
		return err
	}
	uml := os.Getenv("IPVL_CONFORMANCE_UML")
	lib := filepath.Join(uml, "usr/lib/x86_64-linux-gnu") // of an unpacked iptables(8)
	if err := errors.Join(os.Setenv("LD_LIBRARY_PATH", lib), os.Setenv("XTABLES_LIBDIR", filepath.Join(lib, "xtables"))); err != nil {
		return err
	}
	if err := os.Chdir(os.Getenv("IPVL_CONFORMANCE_HERE")); err != nil {
		return err
	}
	for _, name := range modules {
		if err := load(uml, name); err != nil {
			return err
		}
	}
	filter, err := url.QueryUnescape(os.Getenv("IPVL_CONFORMANCE_RUN"))
	if err != nil {
		return err
	}
	return recordKernel("/run/out", os.Getenv("IPVL_CONFORMANCE_NUMBER"), filter)
}

// load loads a module and, before it, what it needs.
func load(dir, name string) error {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return err
	}
	base := filepath.Join(dir, "usr/lib/uml/modules", unix.ByteSliceToString(u.Release[:]))
	deps, err := os.ReadFile(filepath.Join(base, "modules.dep"))
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(deps)) {
		module, needs, _ := strings.Cut(strings.TrimSpace(line), ":")
		if filepath.Base(module) != name+".ko" {
			continue
		}
		all := append([]string{module}, strings.Fields(needs)...)
		for i := len(all) - 1; i >= 0; i-- {
			if err := loadFile(filepath.Join(base, all[i])); err != nil {
				return err
			}
		}
		return nil
	}
	return fmt.Errorf("no module %s in %s", name, base)
}

func loadFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.FinitModule(int(f.Fd()), "", 0); err != nil && err != unix.EEXIST {
		return fmt.Errorf("load %s: %w", path, err)
	}
	return nil
}

// recordKernel does its share of the cases with the kernel's driver.
func recordKernel(dir, number, filter string) error {
	cases, err := loadCases()
	if err != nil {
		return err
	}
	cases = selected(cases, filter)
	l, err := newLab()
	if err != nil {
		return err
	}
	l.engine = kernel{}
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return err
	}
	saw := &record{Kernel: unix.ByteSliceToString(u.Release[:]), Cases: map[string]observation{}}
	old, err := readRecord(recordFile) // what to be patient for
	if err != nil {
		old = &record{}
	}
	if err := l.work(plan(cases), filepath.Join(dir, "claims"), old, saw); err != nil {
		return err
	}
	return saw.write(filepath.Join(dir, "saw-"+number+".json"), cases)
}
