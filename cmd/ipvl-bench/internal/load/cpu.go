package load

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
)

// userHZ is the unit of /proc/stat: 1/100 s on every Linux that Go runs on.
const userHZ = 100

// MachineCPU returns how many seconds all cores together were busy since boot.
func MachineCPU() (float64, error) {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	return parseStat(b)
}

// parseStat adds what the first line of /proc/stat says but for idle and
// iowait (proc_stat(5)). Guests are part of user and nice.
func parseStat(b []byte) (float64, error) {
	line, _, _ := bytes.Cut(b, []byte("\n"))
	fields := bytes.Fields(line)
	if len(fields) < 8 || string(fields[0]) != "cpu" {
		return 0, fmt.Errorf("/proc/stat begins with %.60q", line)
	}
	var ticks uint64
	for i, f := range fields[1:min(len(fields), 9)] {
		if i == 3 || i == 4 {
			continue
		}
		n, err := strconv.ParseUint(string(f), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("/proc/stat: %w", err)
		}
		ticks += n
	}
	return float64(ticks) / userHZ, nil
}

// metered runs f and notes in its result what the machine spent meanwhile.
func metered(f func() (Result, error)) (Result, error) {
	before, err := MachineCPU()
	if err != nil {
		return Result{}, err
	}
	r, err := f()
	if err != nil {
		return r, err
	}
	after, err := MachineCPU()
	r.CPU = after - before
	return r, err
}
