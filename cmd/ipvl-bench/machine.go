package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipvl/ipvl/cmd/ipvl-bench/internal/load"
	"github.com/ipvl/ipvl/cmd/ipvl-bench/internal/report"
	"github.com/ipvl/ipvl/nsutil"
)

// machine says where it is measured.
func machine(ctx context.Context) (report.Machine, error) {
	m := report.Machine{Cores: runtime.NumCPU(), Go: runtime.Version(), CPU: "unknown CPU", User: "as an ordinary user, in a user namespace"}
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		m.CPU = cpuModel(string(b))
	}
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return m, os.NewSyscallError("uname", err)
	}
	m.Kernel = unix.ByteSliceToString(u.Release[:])
	out, err := exec.CommandContext(ctx, ipvlPath(), "version").Output()
	if err != nil {
		return m, fmt.Errorf("ask ipvl for its version: %w", err)
	}
	m.IPVL = strings.TrimSpace(string(out))
	m.Devices = "TAPs"
	if err := nsutil.Probe().Tun; err != nil {
		m.Devices = fmt.Sprintf("veth pairs with packet sockets, because TAPs cannot be had (%v)", err)
	}
	return m, nil
}

// lookAround is how long busy looks.
const lookAround = time.Second

// busy returns how many cores are busy while nothing is measured.
func busy(ctx context.Context) (float64, error) {
	before, err := load.MachineCPU()
	if err != nil {
		return 0, err
	}
	if err := pause(ctx, lookAround); err != nil {
		return 0, err
	}
	after, err := load.MachineCPU()
	return (after - before) / lookAround.Seconds(), err
}

// cpuModel finds the model in /proc/cpuinfo.
func cpuModel(info string) string {
	for l := range strings.Lines(info) {
		if k, v, ok := strings.Cut(l, ":"); ok && strings.TrimSpace(k) == "model name" {
			return strings.TrimSpace(v)
		}
	}
	return "unknown CPU"
}
