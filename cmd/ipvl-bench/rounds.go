package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"
)

// rounds takes every measure of every entrant, round by round.
func rounds(ctx context.Context, o options, all []*entrant, progress io.Writer) error {
	for round := range o.rounds {
		for _, m := range measures() {
			if len(o.measures) > 0 && !slices.Contains(o.measures, m.name) {
				continue
			}
			begin, n := time.Now(), 0
			for _, e := range turn(all, round) {
				if e.lab == nil || !e.takes(m.name) {
					continue
				}
				n++
				if err := e.take(ctx, m, o.seconds); err != nil {
					if ctx.Err() != nil {
						return ctx.Err()
					}
					e.entry.Fail(m.name, err)
					fmt.Fprintf(progress, "failed: %s, %s: %v\n", e.title, m.title, err)
				}
			}
			fmt.Fprintf(progress, "round %d of %d: %s: %d contenders in %.0f s\n", round+1, o.rounds, m.title, n, time.Since(begin).Seconds())
		}
	}
	return nil
}

// turn is the order of a round: each begins elsewhere, every second goes
// backwards, so that nobody always follows the same one.
func turn[T any](all []T, round int) []T {
	out := slices.Clone(all)
	if len(out) == 0 {
		return out
	}
	begin := round * 7 % len(out)
	out = append(out[begin:], out[:begin]...)
	if round%2 == 1 {
		slices.Reverse(out)
	}
	return out
}
