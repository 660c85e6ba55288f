package main

import (
	"fmt"
	"os"

	"github.com/ipvl/ipvl/nsutil/sandbox"
)

// insideArg is the only argument of the inner process.
const insideArg = "--inside"

// Exit codes besides 0: every step held.
const (
	exitFailed = 1 // a step did not hold, or the demo could not run
	exitUsage  = 2
	exitSignal = 128 // and the signal's number
)

func main() {
	sandbox.Init()
	os.Exit(run(os.Args[1:]))
}

// run is main after the sandbox's own stages; it returns the exit code.
func run(args []string) int {
	switch {
	case len(args) == 1 && args[0] == insideArg && sandbox.Inside():
		return inside(os.Stdin, os.Stdout)
	case len(args) == 1 && args[0] != "" && args[0][0] != '-':
		return outside(args[0])
	}
	fmt.Fprintln(os.Stderr, "Usage: ipvl-demo PATH-OF-IPVL")
	return exitUsage
}
