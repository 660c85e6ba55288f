package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"
)

// appliance is the binary that ships. It follows what ip(8) does a moment later.
type appliance struct {
	binary, socket string
	log            *os.File
	cmd            *exec.Cmd
	exited         chan error
	client         http.Client
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
	a.client.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", a.socket)
	}}
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

// call makes a request of the appliance's API, which is what its commands do:
// they cost a process each.
func (a *appliance) call(what string, request, answer any) error {
	body, err := json.Marshal(request)
	if err != nil {
		return err
	}
	resp, err := a.client.Post("http://appliance/v1/"+what, "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s: %s", what, resp.Status, b)
	}
	return json.Unmarshal(b, answer)
}

func (a *appliance) add(_ *lab, name string, w world) error {
	return a.call("link/add", map[string]string{
		"netns": "host", "master": "m0", "name": "v" + name, "target_netns": "n" + name, "kind": "ipvlan", "mode": w.mode, "flag": w.flag,
	}, &struct{}{})
}

// clear deletes the devices first: the appliance follows the master's end a
// moment later, and the next world would meet it there.
func (a *appliance) clear(l *lab) error {
	for _, ns := range spaceNames {
		var devices []struct{ Name string }
		if err := a.call("link/show", map[string]string{"netns": ns, "kind": "ipvlan"}, &devices); err != nil {
			return err
		}
		var deletions sync.WaitGroup
		errs := make([]error, len(devices))
		for i, d := range devices {
			deletions.Go(func() {
				errs[i] = a.call("link/del", map[string]string{"netns": ns, "name": d.Name}, &struct{}{})
			})
		}
		deletions.Wait()
		if err := errors.Join(errs...); err != nil {
			return err
		}
	}
	return l.clear()
}

// settle waits until the appliance shows the addresses that the interfaces have.
func (a *appliance) settle(l *lab) error {
	if err := a.mark(l); err != nil {
		return err
	}
	deadline := time.Now().Add(2 * time.Second)
	for _, d := range l.state.devices {
		if !d.there {
			continue
		}
		for {
			got, err := a.addresses(d)
			if err == nil && slices.Equal(got, d.addrs) {
				break
			}
			pause()
			if time.Now().After(deadline) {
				return fmt.Errorf("the appliance shows %v of %s, which has %v: %w", got, d.name, d.addrs, err)
			}
			if err := l.refresh(); err != nil && !errors.Is(err, errTentative) {
				return err
			}
			if d = l.state.devices[slices.Index(deviceNames, d.name)]; !d.there {
				break
			}
		}
	}
	return nil
}

func (a *appliance) addresses(d device) ([]string, error) {
	var links []struct {
		Addrs []struct{ Prefix netip.Prefix }
	}
	err := a.call("addr/show", map[string]string{"netns": d.ns, "name": "v" + d.name}, &links)
	var all []string
	for _, l := range links {
		for _, a := range l.Addrs {
			all = append(all, a.Prefix.Addr().String())
		}
	}
	slices.Sort(all)
	return all, err
}
