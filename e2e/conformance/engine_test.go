package conformance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// engine is a way to make devices: what the suite compares.
type engine interface {
	// program is what stands where ip(8) stands, for ipvlan's own commands. It
	// runs in the host's namespace.
	program() []string
	// clear removes the devices and the host's interfaces of the world before.
	clear(l *lab) error
	// settle returns when the engine has taken notice of what the world now is.
	settle(l *lab) error
	close() error
}

// kernel is the kernel's own driver: everything has happened when ip(8) returns.
type kernel struct{}

func (kernel) program() []string { return []string{"ip"} }
func (kernel) clear(*lab) error  { return interfacesGone() }
func (kernel) settle(*lab) error { return nil }
func (kernel) close() error      { return nil }

// appliance is the binary that ships. It follows what ip(8) does a moment later.
type appliance struct {
	binary, socket string
	log            *os.File
	cmd            *exec.Cmd
	exited         chan error
}

// newAppliance starts the binary in the host's namespace, with its files in dir.
func newAppliance(binary, dir string, args ...string) (*appliance, error) {
	ready, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer ready.Close()
	defer w.Close()
	a := &appliance{binary: binary, socket: filepath.Join(dir, "api.sock"), exited: make(chan error, 1)}
	if a.log, err = os.Create(filepath.Join(dir, "serve.log")); err != nil {
		return nil, err
	}
	a.cmd = exec.Command(binary, append([]string{"serve", "--socket", a.socket, "--ready-fd", "3"}, args...)...)
	a.cmd.ExtraFiles = []*os.File{w}
	a.cmd.Stdout, a.cmd.Stderr = a.log, a.log
	if err := in("host", a.cmd.Start); err != nil {
		return nil, err
	}
	w.Close()
	go func() { a.exited <- a.cmd.Wait() }()
	if err := ready.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	if n, err := ready.Read(make([]byte, 64)); n == 0 {
		return nil, fmt.Errorf("the appliance did not become ready: %w\n%s", err, a.logText())
	}
	return a, nil
}

func (a *appliance) logText() []byte {
	b, _ := os.ReadFile(a.log.Name())
	return b
}

func (a *appliance) program() []string { return []string{a.binary, "-S", a.socket} }

func (a *appliance) close() error {
	defer a.log.Close()
	if err := a.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case err := <-a.exited:
		return err
	case <-time.After(patience):
		_ = a.cmd.Process.Kill()
		return fmt.Errorf("the appliance does not end")
	}
}

// interfacesGone removes the master, and whatever else the host has.
func interfacesGone() error {
	all, err := links("host")
	if err != nil {
		return err
	}
	var script string
	for _, name := range []string{"m0", "o0"} {
		if _, ok := all[name]; ok {
			script += "link del " + name + "\n"
		}
	}
	return batch("host", script)
}

// clear deletes the devices first: the appliance follows the master's end a
// moment later, and the next world would meet it there.
func (a *appliance) clear(l *lab) error {
	for _, name := range deviceNames {
		all, err := links("n" + name)
		if err != nil {
			return err
		}
		if _, ok := all["v"+name]; ok {
			if _, err := l.ipvlan("del", name); err != nil {
				return err
			}
		}
	}
	return interfacesGone()
}

// settle waits until the appliance shows the addresses that the interfaces have.
func (a *appliance) settle(l *lab) error {
	deadline := time.Now().Add(2 * time.Second)
	for _, d := range l.state.devices {
		if !d.there {
			continue
		}
		for {
			got, err := a.addresses(d.name)
			if err == nil && slices.Equal(got, d.addrs) {
				break
			}
			if time.Now().After(deadline) {
				return fmt.Errorf("the appliance shows %v of %s, which has %v: %w", got, d.name, d.addrs, err)
			}
			if err := l.refresh(); err != nil && !errors.Is(err, errTentative) {
				return err
			}
			d = l.state.devices[slices.Index(deviceNames, d.name)]
		}
	}
	return nil
}

func (a *appliance) addresses(name string) ([]string, error) {
	out, err := output("host", append(a.program(), "-n", "n"+name, "-j", "addr", "show", "dev", "v"+name)...)
	if err != nil {
		return nil, err
	}
	return addressesIn(out)
}

// addressesIn lists the addresses in what "ip -j addr" says of one interface.
func addressesIn(out []byte) ([]string, error) {
	var links []struct {
		Info []struct {
			Local string `json:"local"`
		} `json:"addr_info"`
	}
	if err := json.Unmarshal(out, &links); err != nil {
		return nil, fmt.Errorf("%w in %q", err, out)
	}
	var all []string
	for _, l := range links {
		for _, a := range l.Info {
			all = append(all, a.Local)
		}
	}
	slices.Sort(all)
	return all, nil
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
