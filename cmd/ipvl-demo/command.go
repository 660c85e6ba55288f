package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// command is a step that runs a command, which has to succeed. Words are parted
// by spaces; there is no quoting.
func command(line string) step {
	return step{line: line, do: func(ctx context.Context) (string, error) {
		_, err := output(ctx, strings.Fields(line)...)
		return "", err
	}}
}

// shows is a command whose output is printed, and has to hold each of want.
func shows(line string, want ...string) step {
	return step{line: line, do: func(ctx context.Context) (string, error) {
		out, err := output(ctx, strings.Fields(line)...)
		if err != nil {
			return "", err
		}
		for _, w := range want {
			if !strings.Contains(out, w) {
				return "", fmt.Errorf("it does not say %q, but\n%s", w, out)
			}
		}
		return out, nil
	}}
}

// output runs a command and returns what it printed.
func output(ctx context.Context, argv ...string) (string, error) {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		err = errors.Join(err, ctx.Err())
	}
	if err != nil {
		return string(out), fmt.Errorf("%w\n%s", err, out)
	}
	return string(out), nil
}

// inNetns is a command in a namespace; "" is the default one.
func inNetns(ns string, argv ...string) []string {
	if ns == "" {
		return argv
	}
	return append([]string{"nsenter", "--net=/run/netns/" + ns, "--"}, argv...)
}
