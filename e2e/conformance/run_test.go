package conformance

import (
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// record is what a run saw, by case.
type record struct {
	Kernel string                 `json:"kernel"`
	Cases  map[string]observation `json:"cases"`
}

// runAll runs cases in their order. expect, if there, tells what to be patient
// for.
func (l *lab) runAll(cases []testCase, expect *record, done func(c testCase, o observation)) error {
	current := world{}
	for _, c := range cases {
		if c.world != current {
			if err := l.fresh(c.world); err != nil {
				return fmt.Errorf("world %s: %w", c.world, err)
			}
			current = c.world
		}
		var want observation
		if expect != nil {
			want = expect.Cases[c.key]
		}
		l.fresher = c.commands() > 0
		o, dirty, err := l.run(c, want)
		if err != nil {
			return fmt.Errorf("%s: %w", c.key, err)
		}
		if dirty {
			current = world{}
		}
		if err := undo(c); err != nil {
			return fmt.Errorf("after %s: %w", c.key, err)
		}
		done(c, o)
	}
	return nil
}

// undo gives the host the rules back that it started with, and takes away the
// routes that end with no interface.
func undo(c testCase) error {
	uses := func(word string) bool {
		return slices.ContainsFunc(c.steps, func(s step) bool { return slices.Contains(s.argv, word) })
	}
	var commands []string
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

func (l *lab) run(c testCase, want observation) (o observation, dirty bool, err error) {
	for i := range c.steps {
		s := &c.steps[i]
		var expect []string
		if want != nil {
			expect = []string{}
			if i < len(want) {
				expect = want[i]
			}
		}
		var lines, said []string
		if s.frame != nil {
			err = l.send(s.where, s.frame)
		} else {
			dirty = dirty || s.argv[0] != "show"
			said, err = l.command(s)
			// The appliance follows events of the kernel a moment later.
			for t := time.Now(); s.argv[0] == "show" && err == nil && expect != nil && !slices.Equal(said, expect) && time.Since(t) < late; {
				said, err = l.command(s)
			}
		}
		if err != nil {
			return nil, dirty, fmt.Errorf("%s: %w", s.text, err)
		}
		if expect != nil && len(expect) >= len(said) {
			expect = expect[len(said):]
		}
		if lines, err = l.observe(s, expect...); err != nil {
			return nil, dirty, err
		}
		o = append(o, append(append([]string{}, said...), lines...))
	}
	return o, dirty, nil
}

// command runs a command of a case and tells how it ended.
func (l *lab) command(s *step) ([]string, error) {
	var err error
	ns := s.where
	if ns != "host" && ns != "lan" {
		ns = "n" + ns
	}
	switch s.argv[0] {
	case "show":
		return l.show(s.where)
	case "wait":
		return []string{"done"}, l.wait(s.where, s.argv[1])
	case "true": // only makes the world the case's own
		return []string{"done"}, l.changed()
	case "ipvlan":
		_, err = l.ipvlan(s.argv[1], s.where, s.argv[2:]...)
		l.ask()
	case "sysctl":
		err = in(ns, func() error { return sysctl(s.argv[1], s.argv[2]) })
	default:
		_, err = output(ns, strings.Fields(roles(strings.Join(s.argv, " ")))...)
	}
	said := "done"
	if err != nil {
		if exit := (*exec.ExitError)(nil); !asExit(err, &exit) {
			return nil, err
		}
		said = "refused"
	}
	return []string{said}, l.changed()
}

// wait waits until a device's interface is UP or DOWN: carriers follow in
// their own time.
func (l *lab) wait(name, state string) error {
	for start := time.Now(); ; {
		info, err := l.link(name)
		if err != nil {
			return err
		}
		if info.Operstate == state {
			return l.changed()
		}
		if time.Since(start) > patience {
			return fmt.Errorf("%s is %s and not %s", name, info.Operstate, state)
		}
	}
}

// show tells what a device looks like.
func (l *lab) show(name string) ([]string, error) {
	info, err := l.link(name)
	if err != nil {
		return []string{"no device"}, nil
	}
	if err := l.refresh(); err != nil && !errors.Is(err, errTentative) {
		return nil, err
	}
	var data []string
	for k, v := range info.Info.Data {
		data = append(data, fmt.Sprintf("%s=%v", k, v))
	}
	slices.Sort(data)
	slices.Sort(info.Flags)
	at := slices.Index(deviceNames, name)
	return []string{
		strings.Join(data, " "),
		"flags " + strings.Join(info.Flags, ","),
		fmt.Sprintf("mtu %d", info.MTU),
		"address " + macName(mustMAC(info.Address)),
		"state " + info.Operstate,
		"has " + strings.Join(namesOf(l.state.devices[at].addrs), " "),
	}, nil
}
