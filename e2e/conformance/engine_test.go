package conformance

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"strings"
)

// engine is a way to make devices: what the suite compares.
type engine interface {
	// program is what stands where ip(8) stands, for ipvlan's own commands. It
	// runs in the host's namespace.
	program() []string
	// add makes one of a fresh world's devices.
	add(l *lab, name string, w world) error
	// clear removes the devices and the host's interfaces of the world before.
	clear(l *lab) error
	// settle returns when the engine has taken notice of what the world now is.
	settle(l *lab) error
	// rule changes the rules of the host's hooks.
	rule(argv []string) error
	// counters are those of a chain's rules.
	counters(table, chain string, rules []rule) ([]string, error)
	// countersOf are those of a device's interface.
	countersOf(l *lab, name string) (counters, error)
	// forget takes all rules away after a case, with its world.
	forget(l *lab) error
}

// kernel is the kernel's own driver: everything has happened when ip(8) returns.
type kernel struct{}

func (kernel) program() []string  { return []string{"ip"} }
func (kernel) clear(l *lab) error { return l.clear() }
func (kernel) settle(*lab) error  { return nil }

func (kernel) add(l *lab, name string, w world) error {
	return l.spaces["host"].addIPVLAN("m0", "v"+name, l.spaces["n"+name], w)
}

// clear removes the master, and whatever else the host has.
func (l *lab) clear() error {
	for _, s := range l.spaces { // the master may have been moved
		if err := errors.Join(s.delLink("m0"), s.delLink("o0")); err != nil {
			return err
		}
	}
	return nil
}

// output runs a command in a namespace.
func output(ns string, argv ...string) ([]byte, error) {
	cmd := exec.Command(argv[0], argv[1:]...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := in(ns, cmd.Run); err != nil {
		return nil, fmt.Errorf("%s# %s: %w: %s%s", ns, strings.Join(argv, " "), err, stdout.Bytes(), stderr.Bytes())
	}
	return stdout.Bytes(), nil
}
