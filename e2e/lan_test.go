package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience is how long a test waits for what has to happen.
const patience = 15 * time.Second

// lan is the topology of most tests:
//
//	lan ns                         host ns (default namespace, ipvl serve)        ns0, ns1
//	eth0 10.0.0.100 fd00::100 ──── eth0 10.0.0.1 fd00::1 (the master) ── devices ── …
type lan struct {
	t      *testing.T
	dir    string
	socket string
	prefix string   // of the namespaces' names
	env    []string // of the appliance, beside the test's own
	daemon *exec.Cmd
	log    *os.File
	exited chan error
}

// newLAN makes the namespaces. They end with the test, which runs beside others:
// most of its time it waits.
func newLAN(t *testing.T) *lan {
	t.Helper()
	t.Parallel()
	need(t, "ip", "ping", "nsenter")
	dir := t.TempDir()
	l := &lan{t: t, dir: dir, socket: filepath.Join(dir, "api.sock"), prefix: fmt.Sprintf("t%d", time.Now().UnixNano()%1e9)}
	for _, ns := range []string{"host", "lan", "ns0", "ns1"} {
		l.newNetns(ns)
	}
	l.ip("host", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", l.ns("lan"))
	for ns, last := range map[string]string{"host": "1", "lan": "100"} {
		l.ip(ns, "addr", "add", "10.0.0."+last+"/24", "dev", "eth0")
		l.ip(ns, "addr", "add", "fd00::"+last+"/64", "dev", "eth0", "nodad")
		l.ip(ns, "link", "set", "eth0", "up")
	}
	t.Cleanup(l.keepOnFailure)
	return l
}

// ns is the real name of one of the test's namespaces.
func (l *lan) ns(name string) string { return l.prefix + name }

func (l *lan) newNetns(name string) {
	l.t.Helper()
	l.run("ip", "netns", "add", l.ns(name))
	l.t.Cleanup(func() {
		_ = exec.Command("ip", "netns", "del", l.ns(name)).Run() // some tests delete it themselves
	})
	l.ip(name, "link", "set", "lo", "up")
}

// run runs a command that has to succeed and returns what it printed. What it
// says on stderr may be about a namespace of a test that ends.
func (l *lan) run(argv ...string) string {
	l.t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		l.t.Fatalf("%s: %v\n%s%s", strings.Join(argv, " "), err, &stdout, &stderr)
	}
	return stdout.String()
}

// ip runs ip(8) in a namespace.
func (l *lan) ip(ns string, args ...string) string {
	l.t.Helper()
	return l.run(append([]string{"ip", "-n", l.ns(ns)}, args...)...)
}

// enter is a command to be run in a namespace.
func (l *lan) enter(ns string, argv ...string) *exec.Cmd {
	return exec.Command("nsenter", append([]string{"--net=/run/netns/" + l.ns(ns)}, argv...)...)
}

// serve starts the appliance in the host's namespace and waits until it says
// that it is ready.
func (l *lan) serve(args ...string) {
	l.t.Helper()
	ready, w, err := os.Pipe()
	if err != nil {
		l.t.Fatal(err)
	}
	defer ready.Close()
	l.log, err = os.OpenFile(filepath.Join(l.dir, "serve.log"), os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		l.t.Fatal(err)
	}
	argv := append([]string{os.Getenv(envBinary), "serve", "--socket", l.socket, "--ready-fd", "3"}, args...)
	l.daemon = l.enter("host", argv...)
	l.daemon.ExtraFiles = []*os.File{w}
	l.daemon.Stdout, l.daemon.Stderr = l.log, l.log
	l.daemon.Env = append(os.Environ(), l.env...)
	if err := l.daemon.Start(); err != nil {
		l.t.Fatal(err)
	}
	w.Close()
	l.exited = make(chan error, 1)
	go func(c *exec.Cmd, exited chan<- error) { exited <- c.Wait() }(l.daemon, l.exited)
	l.t.Cleanup(func() { l.stop(syscall.SIGKILL) })
	if err := ready.SetReadDeadline(time.Now().Add(patience)); err != nil {
		l.t.Fatal(err)
	}
	if n, err := ready.Read(make([]byte, 64)); n == 0 {
		l.t.Fatalf("the appliance did not become ready: %v\n%s", err, l.logText())
	}
}

// stop ends the appliance, if it runs, and returns how it ended.
func (l *lan) stop(sig syscall.Signal) error {
	if l.daemon == nil {
		return nil
	}
	d := l.daemon
	l.daemon = nil
	_ = d.Process.Signal(sig) // it may have ended by itself
	select {
	case err := <-l.exited:
		return err
	case <-time.After(patience):
		_ = d.Process.Kill()
		return fmt.Errorf("the appliance did not end by %v; its log:\n%s", sig, l.logText())
	}
}

// result is what a command gave.
type result struct {
	stdout, stderr string
	code           int
}

// ipvlIn runs ipvl in a namespace.
func (l *lan) ipvlIn(ns string, args ...string) result {
	l.t.Helper()
	cmd := l.enter(ns, append([]string{os.Getenv(envBinary)}, args...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.Env = append(os.Environ(), "IPVL_SOCKET="+l.socket)
	if err := cmd.Run(); cmd.ProcessState == nil {
		l.t.Fatal(err)
	}
	return result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// ipvl runs ipvl in the host's namespace. It has to succeed in silence on stderr.
func (l *lan) ipvl(args ...string) string {
	l.t.Helper()
	r := l.ipvlIn("host", args...)
	if r.code != 0 || r.stderr != "" {
		l.t.Fatalf("ipvl %s: exit %d\n%s%s\nlog:\n%s", strings.Join(args, " "), r.code, r.stdout, r.stderr, l.logText())
	}
	return r.stdout
}

// refused runs ipvl, which has to exit with code and say something like want.
func (l *lan) refused(code int, want string, args ...string) {
	l.t.Helper()
	r := l.ipvlIn("host", args...)
	if r.code != code || !strings.Contains(r.stderr, want) || r.stdout != "" {
		l.t.Errorf("ipvl %s: exit %d, want %d; stderr %q, want %q in it; stdout %q",
			strings.Join(args, " "), r.code, code, r.stderr, want, r.stdout)
	}
}

// device adds a device in a namespace, with addresses, up.
func (l *lan) device(name, ns, mode string, addrs ...string) {
	l.t.Helper()
	l.ipvl("link", "add", "link", "eth0", "name", name, "netns", l.ns(ns), "type", "ipvlan", "mode", mode)
	l.ip(ns, "link", "set", name, "up")
	for _, a := range addrs {
		argv := []string{"addr", "add", a, "dev", name}
		if strings.Contains(a, ":") {
			argv = append(argv, "nodad")
		}
		l.ip(ns, argv...)
	}
}

// pings says whether an echo request from a namespace is answered within
// patience. ping itself gives up at the first error that it is told of.
func (l *lan) pings(ns, addr string, args ...string) {
	l.t.Helper()
	l.eventually(ns+" reaches "+addr, func() bool {
		_, ok := l.tryPing(ns, addr, "15", args...)
		return ok
	})
}

// silent says that echo requests from a namespace stay unanswered. It waits for a
// second and a half, for what must not come.
func (l *lan) silent(ns, addr string, args ...string) {
	l.t.Helper()
	if out, ok := l.tryPing(ns, addr, "1", args...); ok {
		l.t.Errorf("%s reaches %s, and should not:\n%s", ns, addr, out)
	}
}

// tryPing sends echo requests until one is answered, or until seconds have passed.
func (l *lan) tryPing(ns, addr, seconds string, args ...string) (string, bool) {
	argv := append([]string{"ping", "-n", "-i", "0.2", "-c", "1", "-w", seconds}, args...)
	out, err := l.enter(ns, append(argv, addr)...).CombinedOutput()
	return string(out), err == nil
}

// eventually waits until what f reports holds; it asks again twenty times a
// second, until patience ends.
func (l *lan) eventually(what string, f func() bool) {
	l.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !f() {
		select {
		case <-tick.C:
		case <-deadline:
			l.t.Fatalf("it did not come about that %s\n%s", what, l.state())
		}
	}
}

func (l *lan) logText() string {
	b, err := os.ReadFile(filepath.Join(l.dir, "serve.log"))
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// state is what a reader of a failure wants to know.
func (l *lan) state() string {
	var b strings.Builder
	for _, ns := range []string{"host", "lan", "ns0", "ns1"} {
		for _, args := range [][]string{{"-d", "addr"}, {"route"}, {"-6", "route"}, {"neigh"}} {
			out, _ := exec.Command("ip", append([]string{"-n", l.ns(ns)}, args...)...).CombinedOutput()
			fmt.Fprintf(&b, "== %s: ip %s\n%s", ns, strings.Join(args, " "), out)
		}
	}
	if l.daemon != nil {
		r := l.ipvlIn("host", "-d", "-s", "link", "show")
		fmt.Fprintf(&b, "== ipvl -d -s link show\n%s%s", r.stdout, r.stderr)
	}
	fmt.Fprintf(&b, "== log\n%s", l.logText())
	return b.String()
}

// keepOnFailure copies the appliance's log to where it outlives the test.
func (l *lan) keepOnFailure() {
	if !l.t.Failed() {
		return
	}
	dir, err := os.MkdirTemp("", "ipvl-failed-")
	if err != nil {
		l.t.Log(err)
		return
	}
	if err := os.WriteFile(filepath.Join(dir, "serve.log"), []byte(l.logText()), 0o644); err != nil {
		l.t.Log(err)
	}
	l.t.Logf("kept in %s", dir)
}
