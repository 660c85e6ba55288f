package main

import (
	"fmt"
	"os"
	"os/signal"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ipvl/ipvl/nsutil/sandbox"
)

const (
	// envDemo makes the test binary the demo, and marks all its processes.
	envDemo = "IPVL_DEMO_TEST"
	// envFake says how the fake ipvl behaves: mute, hang or refuse.
	envFake = "IPVL_DEMO_FAKE"
)

func TestMain(m *testing.M) {
	sandbox.Init()
	switch {
	case os.Args[0] == "ipvl":
		os.Exit(fakeIPVL(os.Args[1:]))
	case os.Getenv(envDemo) != "":
		os.Exit(run(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// fakeIPVL stands for ipvl: the test binary is given to the demo as the binary of
// ipvl. It never does anything.
func fakeIPVL(args []string) int {
	signals := make(chan os.Signal, 1)
	switch how := os.Getenv(envFake); {
	case args[0] == "serve" && how == "mute", args[0] != "serve" && how == "hang":
		// Only SIGKILL ends it.
		signal.Ignore(unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
		<-signals
	case args[0] == "serve":
		fmt.Fprintln(os.Stderr, "the fake serves")
		if _, err := os.NewFile(3, "ready").WriteString("\n"); err != nil {
			return 1
		}
		signal.Notify(signals, unix.SIGTERM)
		<-signals
		return 0
	}
	fmt.Fprintln(os.Stderr, "Error: refused by the fake.")
	return 2
}
