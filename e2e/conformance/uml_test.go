package conformance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// envOut tells this program that it is init of a user-mode Linux, and where
// on the machine outside to write the record.
const envOut = "IPVL_CONFORMANCE_OUT"

// renew boots user-mode Linux with this program as its init and keeps the
// record that it writes. dir is an unpacked Debian package user-mode-linux, or /.
func renew(dir, filter string) error {
	linux := filepath.Join(dir, "usr/bin/linux.uml")
	if _, err := os.Stat(linux); err != nil {
		return fmt.Errorf("%w: install Debian's package user-mode-linux (6.1), or unpack it and name the folder with -uml", err)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	out, err := os.MkdirTemp("", "ipvl-conformance-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(out)
	here, err := os.Getwd()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, linux, "mem=384M", "root=/dev/root", "rootfstype=hostfs", "rootflags=/", "ro", "init="+self,
		"con=null", "con0=null,fd:1", "quiet", envOut+"="+out, "IPVL_CONFORMANCE_HERE="+here, "IPVL_CONFORMANCE_UML="+dir, "IPVL_CONFORMANCE_RUN="+url.QueryEscape(filter))
	cmd.WaitDelay = time.Second
	var console bytes.Buffer
	cmd.Stdout, cmd.Stderr = &console, &console
	if err := cmd.Run(); err != nil && ctx.Err() != nil {
		return fmt.Errorf("user-mode Linux did not end: %w\n%s", err, console.String())
	}
	news, err := readRecord(filepath.Join(out, "record.json"))
	if err != nil {
		return fmt.Errorf("no record: %w (the program has to be static: CGO_ENABLED=0)\n%s", err, console.String())
	}
	fmt.Print(console.String())
	return merge(news)
}

// merge puts what was recorded into the record, and drops cases that are no more.
func merge(news *record) error {
	cases, err := loadCases()
	if err != nil {
		return err
	}
	old, err := readRecord(recordFile)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for _, c := range cases {
		if _, ok := news.Cases[c.key]; !ok && old != nil {
			news.Cases[c.key] = old.Cases[c.key]
		}
	}
	return news.write(recordFile, cases)
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
	if err := os.Chdir(os.Getenv("IPVL_CONFORMANCE_HERE")); err != nil {
		return err
	}
	for _, name := range []string{"ipv6", "veth", "ipvlan"} {
		if err := load(os.Getenv("IPVL_CONFORMANCE_UML"), name); err != nil {
			return err
		}
	}
	filter, err := url.QueryUnescape(os.Getenv("IPVL_CONFORMANCE_RUN"))
	if err != nil {
		return err
	}
	return recordKernel("/run/out/record.json", filter)
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

// recordKernel runs all cases with the kernel's driver.
func recordKernel(path, filter string) error {
	cases, err := loadCases()
	if err != nil {
		return err
	}
	cases = selected(cases, filter)
	l, err := newLab()
	if err != nil {
		return err
	}
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return err
	}
	l.engine = kernel{}
	r := &record{Kernel: unix.ByteSliceToString(u.Release[:]), Cases: map[string]observation{}}
	start := time.Now()
	failed := l.runAll(cases, nil, func(c testCase, o observation) { r.Cases[c.key] = o })
	fmt.Printf("recorded %d of %d cases in %v\n", len(r.Cases), len(cases), time.Since(start).Round(time.Millisecond))
	if failed != nil {
		fmt.Println(failed)
	}
	return r.write(path, cases)
}
