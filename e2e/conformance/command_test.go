package conformance

import (
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// looks says that a step changes nothing.
func (s *step) looks() bool {
	return s.frame == nil && (s.argv[0] == "show" || s.argv[0] == "news" || s.argv[0] == "told" || ruleTable(s.argv) && s.argv[1] == "show")
}

// command runs a command of a case and tells how it ended.
func (l *lab) command(s *step) ([]string, error) {
	var err error
	ns := spaceNamed(s.where)
	l.hostChanged = l.hostChanged || s.where == "host" && !s.looks()
	switch s.argv[0] {
	case "show":
		return l.show(s.where, s.argv[1:]...)
	case "news":
		return l.spaces[l.where(s.where)].readNews("v" + s.where)
	case "told":
		return l.told(s.where, s.argv[1:]...)
	case "monitor":
		return nil, l.monitor(s.where, s.argv[1:])
	case "count":
		l.counted = s.argv[1:]
		return nil, nil
	case "ipvl":
		_, err = output(ns, append(slices.Clone(l.engine.program()), roles(s.argv[1:])...)...)
		l.ask()
	case "filter", "nat":
		lines, err := l.rule(s.argv)
		if err != nil || lines != nil {
			return lines, err
		}
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
		_, err = output(ns, roles(s.argv)...)
	}
	said, exit := "done", (*exec.ExitError)(nil)
	switch {
	case err == nil:
	case !errors.As(err, &exit):
		return nil, err
	case s.argv[0] == "ipvl" || s.argv[0] == "ipvlan":
		said = fmt.Sprintf("refused %d", exit.ExitCode())
	default:
		said = "refused"
	}
	return []string{said}, l.changed()
}

// spaceNamed is the namespace of host, lan, a, b or c.
func spaceNamed(where string) string {
	if where == "host" || where == "lan" {
		return where
	}
	return "n" + where
}

// wait waits until a device's interface is UP or DOWN, or gone: carriers follow in
// their own time, and so do devices whose master went.
func (l *lab) wait(name, state string) error {
	for start := time.Now(); ; pause() {
		info, err := l.link(l.where(name), "v"+name)
		if state == "gone" && err != nil || state == "addresses" || err == nil && info.Operstate == state {
			return l.changed() // which waits until no address is tentative
		}
		if time.Since(start) > patience {
			return fmt.Errorf("%s is %s and not %s: %w", name, info.Operstate, state, err)
		}
	}
}

// show tells what a device looks like, or another interface of its namespace.
func (l *lab) show(name string, other ...string) ([]string, error) {
	ns, dev := l.where(name), "v"+name
	if len(other) > 0 {
		dev = other[0]
	}
	info, err := l.link(ns, dev)
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
	i, err := l.spaces[ns].index(dev)
	if err != nil {
		return nil, err
	}
	addrs, err := l.spaces[ns].addresses(i)
	if err != nil && !errors.Is(err, errTentative) {
		return nil, err
	}
	return []string{
		strings.Join(data, " "),
		"flags " + strings.Join(info.Flags, ","),
		fmt.Sprintf("mtu %d", info.MTU),
		"address " + macName(mustMAC(info.Address)),
		"state " + info.Operstate,
		"has " + strings.Join(namesOf(addrs), " "),
	}, nil
}
