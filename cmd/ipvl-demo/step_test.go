package main

import (
	"context"
	"errors"
	"strings"
	"testing"
)

func says(text string, err error) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return text, err }
}

// runPlan returns what was printed, and the runner.
func runPlan(ctx context.Context, plan ...part) (string, *runner) {
	var b strings.Builder
	r := &runner{out: &printer{w: &b}}
	r.run(ctx, plan)
	return b.String(), r
}

func TestProofThatFailsDoesNotStopThePlan(t *testing.T) {
	out, r := runPlan(t.Context(), part{"One", []step{
		{line: "ip link show", do: says("1: lo:\n    link/loopback \n", nil)},
		{what: "first", do: says("", errors.New("no\nanswer\n"))},
		{what: "second", do: says("seen", nil)},
	}})
	const want = "\nOne\n# ip link show\n    1: lo:\n        link/loopback\nFAIL first: no\n     answer\nok   second: seen\n"
	if out != want {
		t.Errorf("printed\n%s\nwant\n%s", out, want)
	}
	if r.held != 2 || r.total != 3 || r.stopped {
		t.Errorf("%d of %d, stopped %v", r.held, r.total, r.stopped)
	}
}

func TestCommandThatFailsStopsThePlan(t *testing.T) {
	never := step{what: "never", do: func(context.Context) (string, error) {
		t.Error("the plan went on")
		return "", nil
	}}
	out, r := runPlan(t.Context(),
		part{"One", []step{{line: "ip x", do: says("", errors.New("exit status 1"))}, never}},
		part{"Two", []step{never, never}})
	if want := "\nOne\n# ip x\nFAIL ip x: exit status 1\n"; out != want {
		t.Errorf("printed %q, want %q", out, want)
	}
	if r.held != 0 || r.total != 4 {
		t.Errorf("%d of %d", r.held, r.total)
	}
}

func TestJoinedProofsRunAtOnce(t *testing.T) {
	a, b := make(chan bool), make(chan bool)
	meet := func(mine, other chan bool) func(context.Context) (string, error) {
		return func(ctx context.Context) (string, error) {
			close(mine)
			select {
			case <-other:
				return "met", nil
			case <-ctx.Done():
				return "", ctx.Err()
			}
		}
	}
	out, _ := runPlan(t.Context(), part{"", []step{
		{what: "a", do: meet(a, b)}, {what: "b", do: meet(b, a), with: true},
	}})
	if !strings.HasSuffix(out, "ok   a: met\nok   b: met\n") {
		t.Error(out)
	}
}

func TestNothingIsReportedOnceTimeIsOver(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	out, r := runPlan(ctx, part{"One", []step{
		{what: "a", do: func(context.Context) (string, error) { cancel(); return "", errors.New("killed") }},
		{what: "b", do: says("", nil)},
	}})
	if out != "\nOne\n" || r.held != 0 || r.total != 2 || !r.stopped {
		t.Errorf("%q, %+v", out, r)
	}
}

func TestStepHasADeadline(t *testing.T) {
	_, r := runPlan(t.Context(), part{"", []step{{what: "slow", limit: 1, do: func(ctx context.Context) (string, error) {
		<-ctx.Done()
		return "", ctx.Err()
	}}}})
	if r.held != 0 || r.stopped {
		t.Errorf("%+v", r)
	}
}

func TestStyleIsForTerminals(t *testing.T) {
	var b strings.Builder
	p := printer{w: &b, styled: true}
	p.command("ip link")
	p.fail("x", errors.New("y"))
	if want := "\x1b[2m# ip link\x1b[0m\n\x1b[31mFAIL\x1b[0m x: y\n"; b.String() != want {
		t.Errorf("%q", b.String())
	}
}

func TestShowsWantsItsWords(t *testing.T) {
	if out, err := shows("echo a b c", "a b", "c").do(t.Context()); err != nil || out != "a b c\n" {
		t.Errorf("%q, %v", out, err)
	}
	if _, err := shows("echo a b c", "a c").do(t.Context()); err == nil || !strings.Contains(err.Error(), "a b c") {
		t.Error(err)
	}
	if _, err := command("false").do(t.Context()); err == nil {
		t.Error("false succeeded")
	}
}
