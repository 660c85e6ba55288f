package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/ipvl/ipvl/cmd/ipvl-bench/internal/lab"
	"github.com/ipvl/ipvl/cmd/ipvl-bench/internal/load"
	"github.com/ipvl/ipvl/cmd/ipvl-bench/internal/report"
)

// sizes are how many devices a master has.
func sizes() []int { return []int{2, 64, 1024} }

// growth measures how costs grow: a master of each size is there all the time,
// and they have their turns.
func growth(ctx context.Context, o options, progress io.Writer) (*report.Growth, error) {
	g := &report.Growth{}
	var all []*crowd
	for _, n := range sizes() {
		begin := time.Now()
		c, err := newCrowd(ctx, n)
		if err != nil {
			return nil, fmt.Errorf("%d devices: %w", n, err)
		}
		all = append(all, c)
		fmt.Fprintf(progress, "%d devices on a master, built in %.1f s\n", n, time.Since(begin).Seconds())
	}
	// Nothing else runs meanwhile.
	if err := rest(ctx, all); err != nil {
		return nil, err
	}
	for round := range o.rounds {
		for _, c := range turn(all, round) {
			if err := c.round(ctx, o.seconds); err != nil {
				return nil, fmt.Errorf("%d devices: %w", c.size.Devices, err)
			}
		}
		fmt.Fprintf(progress, "round %d of %d: small packets, add and delete\n", round+1, o.rounds)
	}
	for _, c := range all {
		g.Sizes = append(g.Sizes, c.size)
	}
	g.Lines = judgeGrowth(g.Sizes)
	last := all[len(all)-1]
	for _, more := range []func(context.Context, options) ([]report.Line, error){last.changes, last.broadcast} {
		lines, err := more(ctx, o)
		if err != nil {
			return nil, err
		}
		g.Lines = append(g.Lines, lines...)
	}
	return g, nil
}

// idleTime is how long idle appliances are watched.
const idleTime = 10 * time.Second

// rest watches them idle, after they have settled.
func rest(ctx context.Context, all []*crowd) error {
	if err := pause(ctx, idleTime/2); err != nil {
		return err
	}
	before := make([]float64, len(all))
	for i, c := range all {
		pids, err := c.lab.Switch()
		if err != nil {
			return err
		}
		if before[i], err = lab.CPU(pids); err != nil {
			return err
		}
		if c.size.ResidentMiB, err = lab.Resident(pids); err != nil {
			return err
		}
		if c.size.Threads, err = lab.Threads(pids); err != nil {
			return err
		}
	}
	if err := pause(ctx, idleTime); err != nil {
		return err
	}
	for i, c := range all {
		pids, err := c.lab.Switch()
		if err != nil {
			return err
		}
		after, err := lab.CPU(pids)
		if err != nil {
			return err
		}
		c.size.IdleCPU = 100 * (after - before[i]) / idleTime.Seconds()
	}
	return nil
}

// pause waits, unless ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// round is one turn of a size.
func (c *crowd) round(ctx context.Context, seconds float64) error {
	r, err := c.play(ctx, load.Spec{Kind: load.PPS, Seconds: seconds}, nil)
	if err != nil {
		return err
	}
	c.size.PPS = append(c.size.PPS, float64(r.Packets)/r.Seconds/1000)
	return c.comeAndGo(ctx)
}
