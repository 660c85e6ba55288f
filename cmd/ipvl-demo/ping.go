package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
)

// nameOf is how a namespace is called in the text.
func nameOf(ns string) string {
	if ns == "" {
		return "the default namespace"
	}
	return ns
}

func family(addr string) string {
	if strings.Contains(addr, ":") {
		return "IPv6"
	}
	return "IPv4"
}

// reaches is one proof for each address: it answers an echo request from ns.
func reaches(what, ns string, addrs ...string) []step {
	var steps []step
	for _, a := range addrs {
		steps = append(steps, step{what: what + ", " + family(a), do: func(ctx context.Context) (string, error) {
			return ping(ctx, ns, a)
		}})
	}
	return steps
}

// silence is one proof for each address, all at once: it does not answer ns.
func silence(what, ns string, addrs ...string) []step {
	var steps []step
	for i, a := range addrs {
		steps = append(steps, step{what: what + ", " + family(a), with: i > 0, do: func(ctx context.Context) (string, error) {
			return noPing(ctx, ns, a)
		}})
	}
	return steps
}

// ping sends echo requests until one is answered, for five seconds.
func ping(ctx context.Context, ns, addr string) (string, error) {
	out, err := output(ctx, inNetns(ns, "ping", "-n", "-c", "1", "-i", "0.2", "-w", "5", addr)...)
	if err != nil {
		return "", fmt.Errorf("%s does not reach %s: %w", nameOf(ns), addr, err)
	}
	a, ok := parseReply(out)
	if !ok {
		return "", fmt.Errorf("no reply in what ping says:\n%s", out)
	}
	text := fmt.Sprintf("%s answers %s in %s ms", addr, nameOf(ns), a.ms)
	if a.seq != "1" {
		text += ", at request " + a.seq
	}
	return text, nil
}

// noPing says that nothing answers for a second. What was just changed may
// take effect a moment later, so a second silence counts too.
func noPing(ctx context.Context, ns, addr string) (string, error) {
	var out string
	for try := range 2 {
		var err error
		// With a count of 1 the exit code is 0 as soon as anything answers.
		out, err = output(ctx, inNetns(ns, "ping", "-n", "-c", "1", "-i", "0.2", "-w", "1", addr)...)
		_, answered := parseReply(out)
		switch {
		case answered:
			continue
		case !unanswered(err) || ctx.Err() != nil: // ping did not get to ask
			return "", errors.Join(err, ctx.Err())
		case try == 0:
			return fmt.Sprintf("%s does not answer %s", addr, nameOf(ns)), nil
		}
		return fmt.Sprintf("after a moment, %s does not answer %s", addr, nameOf(ns)), nil
	}
	return "", fmt.Errorf("%s reaches %s, and must not:\n%s", nameOf(ns), addr, out)
}

// unanswered tells whether err is ping's exit for requests without an answer.
func unanswered(err error) bool {
	var exit *exec.ExitError
	return errors.As(err, &exit) && exit.ExitCode() == 1
}

// reply is what ping(8) says of an answer.
type reply struct{ seq, ms string }

// parseReply finds the first answer in the output of ping.
func parseReply(out string) (reply, bool) {
	m := replyPattern().FindStringSubmatch(out)
	if m == nil {
		return reply{}, false
	}
	return reply{seq: m[1], ms: m[2]}, true
}

func replyPattern() *regexp.Regexp {
	return regexp.MustCompile(`icmp_seq=(\d+) .*time[=<]([0-9.]+) ms`)
}
