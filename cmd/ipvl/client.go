package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipvl/ipvl/cmd/internal/api"
	"github.com/ipvl/ipvl/cmd/internal/grammar"
	"github.com/ipvl/ipvl/cmd/internal/render"
)

// client runs a command in ip(8)'s grammar.
func client(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	command, err := grammar.Parse(args)
	if err == nil {
		err = execute(ctx, command, stdout)
	}
	if err == nil {
		return 0
	}
	text, status := explain(err, command.Request)
	fmt.Fprintln(stderr, text)
	return status
}

func execute(ctx context.Context, c grammar.Command, stdout io.Writer) error {
	switch r := c.Request.(type) {
	case grammar.Help:
		_, err := io.WriteString(stdout, grammar.Usage(r))
		return err
	case grammar.Version:
		_, err := fmt.Fprintln(stdout, versionLine())
		return err
	}
	path, err := socketPath(c.Options.Socket)
	if err != nil {
		return err
	}
	return ask(ctx, api.Client{Socket: path}, c.Request, c.Options.Options, stdout)
}

// socketPath is the appliance's socket, chosen by flag and environment.
func socketPath(flag string) (string, error) {
	return api.SocketPath(api.SocketEnv{
		Flag:        flag,
		IPVLSocket:  os.Getenv("IPVL_SOCKET"),
		RunWritable: unix.Access("/run", unix.W_OK) == nil,
		XDGRuntime:  os.Getenv("XDG_RUNTIME_DIR"),
	})
}

// ask sends a request and prints the answer.
func ask(ctx context.Context, c api.Client, request any, o render.Options, w io.Writer) error {
	switch r := request.(type) {
	case api.LinkAdd:
		return c.LinkAdd(ctx, r)
	case api.LinkSet:
		return c.LinkSet(ctx, r)
	case api.LinkDel:
		return c.LinkDel(ctx, r)
	case api.LinkShow:
		links, err := c.LinkShow(ctx, r)
		return orPrint(err, func() error { return render.Links(w, o, links) })
	case api.AddrShow:
		links, err := c.AddrShow(ctx, r)
		return orPrint(err, func() error { return render.Addrs(w, o, r, links) })
	case api.RouteShow:
		routes, err := c.RouteShow(ctx, r)
		return orPrint(err, func() error { return render.Routes(w, o, r, routes) })
	case api.RouteGet:
		route, err := c.RouteGet(ctx, r)
		return orPrint(err, func() error { return render.Route(w, o, route) })
	case api.NeighShow:
		neighs, err := c.NeighShow(ctx, r)
		return orPrint(err, func() error { return render.Neighs(w, o, r, neighs) })
	case api.RuleShow:
		chains, err := c.RuleShow(ctx, r)
		return orPrint(err, func() error { return render.Rules(w, o, r, chains) })
	case api.RuleChange:
		return c.RuleChange(ctx, r)
	case api.Monitor:
		return c.Monitor(ctx, r, func(e api.Event) error { return render.Event(w, o, e, time.Now()) })
	}
	return fmt.Errorf("no way to send a %T", request)
}

func orPrint(err error, show func() error) error {
	if err != nil {
		return err
	}
	return show()
}
