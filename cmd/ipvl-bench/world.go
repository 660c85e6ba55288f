package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/ipvl/ipvl/cmd/ipvl-bench/internal/lab"
	"github.com/ipvl/ipvl/cmd/ipvl-bench/internal/report"
)

// entrant is a contender that was chosen, with its topology and what was
// measured on it. lab is nil if it is missing.
type entrant struct {
	contender
	lab   *lab.Lab
	entry *report.Contender
}

// assemble builds the topologies of those that were chosen. One that cannot be
// built is named as missing, with the reason.
func assemble(ctx context.Context, o options, progress io.Writer) ([]*entrant, error) {
	var all []*entrant
	for _, c := range contenders() {
		if len(o.contenders) > 0 && !slices.ContainsFunc(o.contenders, c.is) {
			continue
		}
		e := &entrant{contender: c, entry: &report.Contender{Name: c.name, Title: c.title, Family: c.family}}
		all = append(all, e)
		if err := e.build(ctx); err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			e.entry.Missing = err.Error()
			fmt.Fprintf(progress, "missing: %s: %v\n", c.title, err)
		}
	}
	return all, nil
}

// build makes the topology and sees that the server is reached.
func (e *entrant) build(ctx context.Context) error {
	if m := e.missing(); m != "" {
		return errors.New(m)
	}
	l, err := lab.New(ctx, runDir, e.name, e.spaces)
	if err != nil {
		return err
	}
	if err := l.Build(ctx, e.setup); err != nil {
		return errors.Join(err, l.Close())
	}
	e.entry.Commands = l.Commands
	if e.inproc != "" {
		e.entry.Commands = []string{"in this process: package cmd/ipvl-bench/internal/inproc, link " + e.inproc}
	}
	e.lab = l
	if err := e.reach(ctx); err != nil {
		e.lab = nil
		return errors.Join(fmt.Errorf("the server is not reached: %w\n%s", err, l.Log()), l.Close())
	}
	return nil
}
