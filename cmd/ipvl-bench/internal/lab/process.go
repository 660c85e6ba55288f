package lab

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Switch are the processes that carry the frames: the programs of the topology
// and their children.
func (l *Lab) Switch() ([]int, error) {
	parents, err := processes()
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, d := range l.daemons {
		pids = append(pids, d.cmd.Process.Pid)
	}
	for i := 0; i < len(pids); i++ {
		for pid, parent := range parents {
			if parent == pids[i] {
				pids = append(pids, pid)
			}
		}
	}
	return pids, nil
}

// processes returns the parent of each process.
func processes() (map[int]int, error) {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	parents := make(map[int]int)
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			continue // it has ended
		}
		s, err := ParseStat(b)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f, err)
		}
		parents[s.PID] = s.Parent
	}
	return parents, nil
}

// Stat is some of /proc/PID/stat.
type Stat struct {
	PID, Parent int
	// CPU is user and system time in seconds.
	CPU float64
}

// ParseStat reads /proc/PID/stat (proc_pid_stat(5)). The name, in brackets, may
// hold anything.
func ParseStat(b []byte) (Stat, error) {
	open, end := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if open < 1 || end < open {
		return Stat{}, fmt.Errorf("%.60q has no name", b)
	}
	fields := strings.Fields(string(b[end+1:]))
	if len(fields) < 13 {
		return Stat{}, fmt.Errorf("%.60q is too short", b)
	}
	var n [4]int
	for i, text := range []string{string(bytes.TrimSpace(b[:open])), fields[1], fields[11], fields[12]} {
		var err error
		if n[i], err = strconv.Atoi(text); err != nil {
			return Stat{}, err
		}
	}
	return Stat{PID: n[0], Parent: n[1], CPU: float64(n[2]+n[3]) / 100}, nil
}

// Resident is the resident memory of processes in MiB.
func Resident(pids []int) (float64, error) {
	var kib int
	for _, pid := range pids {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			return 0, err
		}
		n, err := parseRSS(string(b))
		if err != nil {
			return 0, fmt.Errorf("process %d: %w", pid, err)
		}
		kib += n
	}
	return float64(kib) / 1024, nil
}

// parseRSS finds VmRSS, in KiB, in /proc/PID/status.
func parseRSS(status string) (int, error) {
	for l := range strings.Lines(status) {
		if f := strings.Fields(l); len(f) == 3 && f[0] == "VmRSS:" && f[2] == "kB" {
			return strconv.Atoi(f[1])
		}
	}
	return 0, fmt.Errorf("/proc/PID/status has no VmRSS")
}

// CPU is what processes have spent, in seconds.
func CPU(pids []int) (float64, error) {
	var sum float64
	for _, pid := range pids {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return 0, err
		}
		s, err := ParseStat(b)
		if err != nil {
			return 0, err
		}
		sum += s.CPU
	}
	return sum, nil
}

// Threads counts the threads of processes.
func Threads(pids []int) (int, error) {
	n := 0
	for _, pid := range pids {
		tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
		if err != nil {
			return 0, err
		}
		n += len(tasks)
	}
	return n, nil
}

// Pin lets every thread of processes run on one set of cores only.
func Pin(pids []int, set unix.CPUSet) error {
	for _, pid := range pids {
		tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/[0-9]*", pid))
		if err != nil {
			return err
		}
		for _, t := range tasks {
			tid, err := strconv.Atoi(filepath.Base(t))
			if err != nil {
				return err
			}
			if err := unix.SchedSetaffinity(tid, &set); err != nil && err != unix.ESRCH {
				return os.NewSyscallError("sched_setaffinity", err)
			}
		}
	}
	return nil
}
