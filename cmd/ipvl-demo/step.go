package main

import (
	"context"
	"sync"
	"time"
)

// stepLimit bounds a step that says nothing else.
const stepLimit = 10 * time.Second

// step is a command, which has a line, or a proof, which has what it is about.
type step struct {
	// line is a command as it is typed. It is printed before it runs, and
	// without it nothing that follows makes sense.
	line string
	// what is proved.
	what string
	// do carries it out. It returns what was seen: the text of a proof, the
	// output of a command.
	do func(context.Context) (string, error)
	// with joins a proof to the one before it: both run at once.
	with bool
	// limit bounds it; 0 is stepLimit.
	limit time.Duration
}

// part is some steps under a heading.
type part struct {
	title string
	steps []step
}

// runner carries out a plan and counts.
type runner struct {
	out         *printer
	total, held int
	// stopped: a command failed, or the time is over; nothing more is run.
	stopped bool
}

// run carries out a plan.
func (r *runner) run(ctx context.Context, plan []part) {
	for _, p := range plan {
		r.total += len(p.steps)
		if r.stopped {
			continue
		}
		r.out.heading(p.title)
		for rest := p.steps; len(rest) > 0 && !r.stopped; {
			n := 1
			for n < len(rest) && rest[n].with {
				n++
			}
			r.group(ctx, rest[:n])
			rest = rest[n:]
		}
	}
}

// result is what came of a step.
type result struct {
	seen string
	err  error
}

// group carries out steps at once, and reports them in their order.
func (r *runner) group(ctx context.Context, steps []step) {
	if steps[0].line != "" {
		r.out.command(steps[0].line)
	}
	results := make([]result, len(steps))
	var wg sync.WaitGroup
	for i, s := range steps {
		wg.Go(func() { results[i] = s.run(ctx) })
	}
	wg.Wait()
	if ctx.Err() != nil {
		r.stopped = true
		return
	}
	for i, s := range steps {
		r.report(s, results[i])
	}
}

func (s step) run(ctx context.Context) result {
	limit := s.limit
	if limit == 0 {
		limit = stepLimit
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	seen, err := s.do(ctx)
	return result{seen, err}
}

// report prints a result and counts it.
func (r *runner) report(s step, res result) {
	switch {
	case res.err != nil && s.line != "":
		r.out.fail(s.line, res.err)
		r.stopped = true
		return
	case res.err != nil:
		r.out.fail(s.what, res.err)
		return
	case s.line != "":
		r.out.output(res.seen)
	default:
		r.out.ok(s.what, res.seen)
	}
	r.held++
}
