package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/urfave/cli/v2"

	"github.com/ipvl/ipvl/cmd/internal/appliance"
)

func serveCommand(stderr io.Writer) *cli.Command {
	return &cli.Command{
		Name:  "serve",
		Usage: "run the appliance in the foreground",
		Description: "Serves the other commands on a unix socket until SIGTERM or SIGINT, then takes\n" +
			"away what it made. The namespace that it runs in is the default namespace:\n" +
			"masters, routes and neighbours are those of this namespace. The next run makes\n" +
			"the devices again, with their addresses, routes and options, where their masters\n" +
			"and namespaces are still there.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "socket", Usage: "listen at `PATH` (default: $IPVL_SOCKET, /run/ipvl/api.sock, or $XDG_RUNTIME_DIR/ipvl/api.sock)"},
			&cli.StringFlag{Name: "state", Usage: "remember devices, options and rules in `FILE` for the next run; none: do not", DefaultText: "state.json beside the socket"},
			&cli.IntFlag{Name: "ready-fd", Value: -1, Usage: "write a newline to descriptor `N` and close it once commands are served", DefaultText: "none"},
			&cli.StringFlag{Name: "backend", Value: "auto", Usage: "carry devices by `KIND`: tap, veth, or auto: tap where /dev/net/tun can be opened"},
			&cli.StringFlag{Name: "log-level", Value: "info", Usage: "log from `LEVEL` on: debug, info, warn or error"},
			&cli.BoolFlag{Name: "json-logs", Usage: "log as JSON"},
		},
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return usageError{fmt.Errorf("serve takes no arguments: %q", c.Args().First())}
			}
			return serve(c, stderr)
		},
	}
}

func serve(c *cli.Context, stderr io.Writer) error {
	log, err := newLogger(stderr, c.String("log-level"), c.Bool("json-logs"))
	if err != nil {
		return usageError{err}
	}
	switch backend := c.String("backend"); backend {
	case "auto", "tap", "veth":
	default:
		return usageError{fmt.Errorf("--backend %q: it is auto, tap or veth", backend)}
	}
	ready, err := openReadyFD(c.Int("ready-fd"))
	if err != nil {
		return usageError{err}
	}
	path, err := socketPath(c.String("socket"))
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(c.Context, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	told := make(chan struct{})
	unneeded := context.AfterFunc(ctx, func() {
		defer close(told)
		stop() // the next signal ends the process
		log.Info("stopping")
		tell(log, "STOPPING=1")
	})

	err = appliance.Run(ctx, appliance.Options{Socket: path, State: statePath(c.String("state"), path), Backend: c.String("backend"), Log: log, Ready: func() error {
		tell(log, "READY=1")
		return ready.signal()
	}})
	if !unneeded() {
		<-told // or the process could end before it has said so
	}
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return nil
	}
	return err
}

// statePath is where the state is kept: by default beside the socket, in a
// folder that a restart of the system empties, as it ends every namespace.
func statePath(flag, socket string) string {
	switch flag {
	case "":
		return filepath.Join(filepath.Dir(socket), "state.json")
	case "none":
		return ""
	}
	return flag
}

// tell is for systemd. That it does not listen is worth a line, not an end.
func tell(log *slog.Logger, state string) {
	if err := notify(os.Getenv("NOTIFY_SOCKET"), state); err != nil {
		log.Warn("systemd was not told", "state", state, "err", err)
	}
}

func newLogger(w io.Writer, level string, json bool) (*slog.Logger, error) {
	var o slog.HandlerOptions
	levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
	l, ok := levels[level]
	if !ok {
		return nil, fmt.Errorf("--log-level %q: it is debug, info, warn or error", level)
	}
	o.Level = l
	if json {
		return slog.New(slog.NewJSONHandler(w, &o)), nil
	}
	return slog.New(slog.NewTextHandler(w, &o)), nil
}
