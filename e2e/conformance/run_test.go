package conformance

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// unitSize is how many cases that leave their world as it was are done in one
// world of theirs.
const unitSize = 100

// plan puts cases that leave their world as it was together. Each other case is
// a unit of its own.
func plan(cases []testCase) [][]testCase {
	cases = slices.Clone(cases)
	slices.SortStableFunc(cases, func(a, b testCase) int {
		return cmp.Or(cmp.Compare(a.commands(), b.commands()), cmp.Compare(a.world.String(), b.world.String()))
	})
	var units [][]testCase
	for _, c := range cases {
		if n := len(units) - 1; n >= 0 && c.commands() == 0 && len(units[n]) < unitSize && units[n][0].world == c.world {
			units[n] = append(units[n], c)
			continue
		}
		units = append(units, []testCase{c})
	}
	return units
}

// work does the units that nobody else has done: who makes the folder of its
// number among claims has it. What a case could not be done for is its
// observation then.
func (l *lab) work(units [][]testCase, claims string, expect, into *record) error {
	for i, unit := range units {
		err := os.Mkdir(filepath.Join(claims, strconv.Itoa(i)), 0o755)
		if errors.Is(err, os.ErrExist) {
			continue
		}
		if err == nil {
			err = l.fresh(unit[0].world)
		}
		if err != nil {
			return fmt.Errorf("world %s: %w", unit[0].world, err)
		}
		for _, c := range unit {
			l.fresher = c.commands() > 0
			o, err := l.run(c, expect.Cases[c.key])
			if err := errors.Join(err, l.undo(c)); err != nil {
				o = append(o, []string{"failed: " + err.Error()})
			}
			into.Cases[c.key] = o
		}
	}
	return l.engine.clear(l)
}

// undo gives the host the rules back that it started with, and takes away the
// routes that end with no interface.
func (l *lab) undo(c testCase) error {
	uses := func(word string) bool {
		return slices.ContainsFunc(c.steps, func(s step) bool { return slices.Contains(s.argv, word) })
	}
	var commands []string
	if slices.ContainsFunc(c.steps, func(s step) bool { return s.frame == nil && ruleTable(s.argv) }) {
		if err := l.engine.forget(l); err != nil {
			return err
		}
	}
	if uses("rule") {
		commands = []string{
			"ip rule flush", "ip rule add table main priority 32766", "ip rule add table default priority 32767",
			"ip -6 rule flush", "ip -6 rule add table main priority 32766",
		}
	}
	for _, kind := range []string{"blackhole", "unreachable", "prohibit", "throw"} {
		if uses("route") && uses(kind) {
			commands = append(commands, "ip route flush type "+kind, "ip -6 route flush type "+kind)
		}
	}
	for _, command := range commands {
		if _, err := output("host", strings.Fields(command)...); err != nil {
			return err
		}
	}
	return nil
}

// run does the steps of a case. want is what the kernel's driver made of it, if
// that is known: what to be patient for.
func (l *lab) run(c testCase, want observation) (o observation, err error) {
	defer l.endMonitors()
	for i := range c.steps {
		s := c.steps[i]
		var expect []string
		if want != nil {
			expect = []string{}
			if i < len(want) {
				expect = want[i]
			}
		}
		var lines []string
		switch {
		case s.burst > 0:
			lines, err = l.burst(&s, expect)
		case s.frame == nil && s.argv[0] == "reply":
			if s.frame, err = reply(l.last[s.where], len(s.argv) > 1); err == nil {
				lines, err = l.frameStep(&s, expect)
			}
		case s.frame != nil && len(l.counted) > 0:
			// Stacks may say something meanwhile that is counted, too.
			for n := 0; n < 3 && (n == 0 || err == nil && expect != nil && !slices.Equal(lines, expect)); n++ {
				lines, err = l.count(l.counted, func() ([]string, error) { return l.frameStep(&s, nil) })
			}
		case s.frame != nil:
			lines, err = l.frameStep(&s, expect)
		default:
			lines, err = l.commandStep(&s, expect)
		}
		if err != nil {
			return o, fmt.Errorf("%s: %w", s.text, err)
		}
		o = append(o, lines)
	}
	return o, nil
}

func (l *lab) frameStep(s *step, expect []string) ([]string, error) {
	if err := l.send(s.where, s.frame); err != nil {
		return nil, err
	}
	return l.observe(s, expect...)
}

func (l *lab) commandStep(s *step, expect []string) ([]string, error) {
	said, err := l.command(s)
	// The appliance follows events of the kernel a moment later.
	for t := time.Now(); s.looks() && err == nil && expect != nil && !slices.Equal(said, expect) && time.Since(t) < late; pause() {
		var more []string
		if more, err = l.command(s); s.argv[0] == "news" || s.argv[0] == "told" {
			more = append(said, more...) // they are told once
			slices.Sort(more)
			more = slices.Compact(more)
		}
		said = more
	}
	if err != nil {
		return nil, err
	}
	if expect != nil && len(expect) >= len(said) {
		expect = expect[len(said):]
	}
	lines, err := l.observe(s, expect...)
	return append(slices.Clone(said), lines...), err
}
