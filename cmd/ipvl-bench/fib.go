package main

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// fibLimit bounds the benchmarks of the FIB.
const fibLimit = 5 * time.Minute

// fibBenchmarks runs the Go benchmarks of stack/fib, outside the sandbox, and
// returns their figures, or why there are none.
func fibBenchmarks() []string {
	ctx, cancel := context.WithTimeout(context.Background(), fibLimit)
	defer cancel()
	argv := []string{"go", "test", "-run", "^$", "-bench", "Million", "-benchtime", "1s", "github.com/ipvl/ipvl/stack/fib"}
	out, err := exec.CommandContext(ctx, argv[0], argv[1:]...).CombinedOutput()
	lines := []string{strings.Join(argv, " ")}
	if err != nil {
		return append(lines, fmt.Sprintf("failed: %v; run it in the module's directory", err), strings.TrimSpace(string(out)))
	}
	return append(lines, benchmarkLines(string(out))...)
}

// benchmarkLines are the lines of "go test -bench" that hold figures.
func benchmarkLines(out string) []string {
	var lines []string
	for l := range strings.Lines(out) {
		if strings.HasPrefix(l, "Benchmark") && len(strings.Fields(l)) > 2 {
			lines = append(lines, strings.Join(strings.Fields(l), " "))
		}
	}
	return lines
}
