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
func (s *step) looks() bool { return s.frame == nil && s.argv[0] == "show" }

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
		_, err = output(ns, roles(s.argv)...)
	}
	said := "done"
	if err != nil {
		if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) {
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
		info, err := l.link(l.where(name), "v"+name)
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
	info, err := l.link(l.where(name), "v"+name)
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
