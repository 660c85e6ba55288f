package main

import (
	"fmt"
	"os"

	"github.com/ipvl/ipvl/cmd/ipvl-bench/internal/load"
	"github.com/ipvl/ipvl/nsutil/sandbox"
)

// The first arguments of processes that the command starts itself.
const (
	insideArg = "--inside" // the rest are flags
	sideArg   = "--side"   // server or client, and the load
	inprocArg = "--inproc" // kind of link, namespace, and the load
)

// Exit codes besides 0.
const (
	exitFailed = 1
	exitUsage  = 2
	exitSignal = 128 // and the signal's number
)

func main() {
	sandbox.Init()
	os.Exit(run(os.Args[1:]))
}

// run is main after the sandbox's own stages; it returns the exit code.
func run(args []string) int {
	if len(args) > 0 {
		switch args[0] {
		case insideArg:
			return inside(args[1:])
		case sideArg:
			return part(len(args) == 3, func() error { return load.Main(args[1], args[2], os.Stdout) })
		case inprocArg:
			return part(len(args) == 4, func() error { return netstack(args[1], args[2], args[3]) })
		}
	}
	o, err := parseFlags(args, os.Stderr)
	if err != nil {
		return exitUsage
	}
	return outside(o, args)
}

// part is one side of a load, in a process of its own.
func part(wellFormed bool, run func() error) int {
	if !wellFormed {
		return exitUsage
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return exitFailed
	}
	return 0
}
