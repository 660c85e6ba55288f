package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"github.com/urfave/cli/v2"
)

func main() {
	os.Exit(run(context.Background(), os.Args, os.Stdin, os.Stdout, os.Stderr))
}

// run is the program: args[0] is its name. It returns the exit status.
func run(ctx context.Context, args []string, _ io.Reader, stdout, stderr io.Writer) int {
	if len(args) < 2 || !ownCommand(args[1]) {
		return client(ctx, args[min(len(args), 1):], stdout, stderr)
	}
	app := &cli.App{
		Name:            "ipvl",
		Usage:           "IPVLAN in user space",
		HideHelpCommand: true,
		Writer:          stdout,
		ErrWriter:       stderr,
		ExitErrHandler:  func(*cli.Context, error) {}, // the status is ours to return
		Commands:        []*cli.Command{serveCommand(stderr), versionCommand(), completionCommand()},
	}
	for _, c := range app.Commands {
		c.OnUsageError = func(_ *cli.Context, err error, _ bool) error { return usageError{err} }
	}
	if err := app.RunContext(ctx, args); err != nil {
		text, status := explain(err, nil)
		fmt.Fprintln(stderr, text)
		return status
	}
	return 0
}

// ownCommand tells the commands that are not in the grammar of ip(8). No
// abbreviation of an object of ip's is among them.
func ownCommand(name string) bool {
	return name == "serve" || name == "version" || name == "completion"
}

// usageError is a mistake in the flags of serve, version or completion.
type usageError struct{ error }

func versionCommand() *cli.Command {
	return &cli.Command{Name: "version", Usage: "print the version", Action: func(c *cli.Context) error {
		_, err := fmt.Fprintln(c.App.Writer, versionLine())
		return err
	}}
}

// versionLine has the shape of ip(8)'s -Version.
func versionLine() string {
	version := "devel"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		version = info.Main.Version
	}
	return "ipvl utility, ipvl-" + version
}
