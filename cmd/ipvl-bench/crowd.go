package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/ipvl/ipvl/cmd/internal/api"
	"github.com/ipvl/ipvl/cmd/ipvl-bench/internal/lab"
	"github.com/ipvl/ipvl/cmd/ipvl-bench/internal/report"
)

const (
	// perSpace is how many idle devices share a namespace, perDevice how many
	// addresses a device has.
	perSpace  = 64
	perDevice = 4
)

// crowd is a master with many devices in mode l3. Those of namespaces a and b,
// which are among them, carry traffic; the others are idle.
type crowd struct {
	entrant
	size   report.Size
	client api.Client
}

// address is the j-th address of the i-th device.
func address(i, j int) string { return fmt.Sprintf("10.%d.%d.%d", 1+i/250, i%250, 1+j) }

// newCrowd makes a master with n devices.
func newCrowd(ctx context.Context, n int) (*crowd, error) {
	spaces := []string{"host", "wire", "a", "b"}
	for i := 2; i < n; i += perSpace {
		spaces = append(spaces, idleSpace(i))
	}
	l, err := lab.New(ctx, runDir, fmt.Sprintf("grow%d", n), spaces)
	if err != nil {
		return nil, err
	}
	c := &crowd{
		entrant: entrant{
			contender: contender{client: "a", server: "b", addr: address(1, 0)},
			lab:       l, entry: &report.Contender{},
		},
		size:   report.Size{Devices: n, Addresses: n * perDevice},
		client: api.Client{Socket: l.Socket()},
	}
	if err := l.Build(ctx, oursLAN()); err != nil {
		return nil, err
	}
	for i := range n {
		if err := c.join(ctx, i); err != nil {
			return nil, err
		}
	}
	for _, s := range spaces[2:] {
		if err := c.address(ctx, s); err != nil {
			return nil, err
		}
	}
	return c, c.reach(ctx)
}

// idleSpace is the namespace of the i-th device, which is idle.
func idleSpace(i int) string { return fmt.Sprintf("i%d", (i-2)/perSpace) }

func spaceOf(i int) string {
	if i < 2 {
		return []string{"a", "b"}[i]
	}
	return idleSpace(i)
}

// join adds the i-th device.
func (c *crowd) join(ctx context.Context, i int) error {
	return c.client.LinkAdd(ctx, api.LinkAdd{
		Master: "eth0", Name: fmt.Sprintf("ipvl%d", i), TargetNetns: c.lab.Space(spaceOf(i)),
		Kind: "ipvlan", Mode: "l3", Flag: "bridge", Up: true, Scope: api.Scope{Netns: c.lab.Space("host")},
	})
}

// address gives the devices of a namespace their addresses, all at once.
func (c *crowd) address(ctx context.Context, space string) error {
	var batch []string
	for i := range c.size.Devices {
		if spaceOf(i) != space {
			continue
		}
		for j := range perDevice {
			batch = append(batch, fmt.Sprintf("addr add %s/32 dev ipvl%d", address(i, j), i))
		}
		if i < 2 {
			batch = append(batch, fmt.Sprintf("route add default dev ipvl%d", i))
		}
	}
	return c.batch(ctx, space, strings.NewReader(strings.Join(batch, "\n")+"\n"))
}

// batch runs commands of ip(8), a line each, all by one process.
func (c *crowd) batch(ctx context.Context, space string, lines io.Reader) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	cmd := c.lab.Command(ctx, "ip", "-batch", "-")
	cmd.Stdin = lines
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := c.lab.In(space, cmd.Start); err != nil {
		return err
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("ip -batch: %w\n%.500s", err, out.String())
	}
	return nil
}
