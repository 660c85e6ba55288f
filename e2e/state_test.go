package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// What two runs of the appliance have in common: a device in a named namespace, one
// in a namespace that only a process holds, one in a namespace that goes.
//
//	lan 10.0.0.100 ── eth0 10.0.0.1 (master, l3s, lookup full) ─┬─ ns0 ipvl0 10.0.0.11 fd00::11, routes, options
//	    fd00::100                                               ├─ PID eth7 10.0.0.12 proxy on
//	                                                            └─ ns1 ipvl0 10.0.0.13
func TestStateOutlivesTheProcess(t *testing.T) {
	for name, sig := range map[string]syscall.Signal{"SIGTERM": syscall.SIGTERM, "SIGKILL": syscall.SIGKILL} {
		t.Run(name, func(t *testing.T) {
			l := newLAN(t)
			l.serve()
			pid := l.holder()
			inPID := func(args ...string) string {
				return l.run(append([]string{"nsenter", "-t", pid, "-n", "ip"}, args...)...)
			}
			l.device("ipvl0", "ns0", "l3s", "10.0.0.11/24", "fd00::11/64")
			l.options("ns0", "lookup", "full", "proxy", "on", "announce", "on", "guard", "on", "host", "on",
				"allow", "10.0.0.0/24", "fd00::11")
			l.ip("ns0", "route", "add", "default", "via", "10.0.0.100")
			l.ip("ns0", "-6", "route", "add", "default", "via", "fd00::100")
			l.ip("ns0", "route", "add", "198.51.100.0/24", "dev", "ipvl0", "metric", "7")
			l.ipvl("-n", l.ns("ns0"), "link", "set", "ipvl0", "mtu", "1400", "alias", "of ns0")
			l.ipvl("link", "add", "link", "eth0", "name", "eth7", "netns", pid, "type", "ipvlan", "mode", "l3s", "proxy", "on")
			inPID("addr", "add", "10.0.0.12/24", "dev", "eth7")
			inPID("link", "set", "eth7", "up")
			l.device("ipvl0", "ns1", "l3s", "10.0.0.13/24")
			l.ipvl("filter", "add", "input", "proto", "tcp", "dport", "81", "drop")
			l.ipvl("filter", "policy", "output", "drop")
			l.ipvl("filter", "add", "output", "accept")
			l.ipvl("nat", "add", "postrouting", "from", "198.18.0.0/15", "masquerade")
			shown := func() string {
				return l.ipvl("filter") + l.ipvl("nat") +
					l.shownOptions("ns0") + l.ip("ns0", "route") + l.ip("ns0", "-6", "route") + l.addrs("ns0") +
					inPID("route") + l.field("ns0", "ipvl0", "mtu") + l.field("ns0", "ipvl0", "alias")
			}
			reach := func() {
				t.Helper()
				for _, a := range []string{"10.0.0.11", "fd00::11", "10.0.0.12"} {
					l.pings("lan", a)
				}
				l.pings("host", "10.0.0.11")
			}
			l.pings("lan", "10.0.0.11")
			reach()
			before := shown()
			for _, want := range []string{"dport 81 drop", "chain output policy drop", "masquerade",
				`"lookup":"full"`, `"guard":true`, `"allow":["10.0.0.0/24","fd00::11"]`, "lookup full ", "default via 10.0.0.100", "198.51.100.0/24"} {
				if !strings.Contains(before, want) {
					t.Errorf("%q is not in\n%s", want, before)
				}
			}
			l.eventually("the routes are remembered", func() bool { return strings.Contains(l.savedState(), "198.51.100.0/24") })

			// ns1 goes while nobody looks after it; a namespace of its name comes.
			if err := l.stop(sig); (err == nil) != (sig == syscall.SIGTERM) {
				t.Errorf("end by %v: %v", sig, err)
			}
			l.run("ip", "netns", "del", l.ns("ns1"))
			l.run("ip", "netns", "add", l.ns("ns1"))
			l.serve()
			reach()
			l.eventually("all is as it was", func() bool { return shown() == before })
			if out := l.ip("ns1", "-o", "link"); strings.Contains(out, "ipvl0") {
				t.Errorf("a device whose namespace is gone is back:\n%s", out)
			}
			// What is deleted stays away, and what comes gets an id of its own.
			l.ip("ns0", "link", "del", "ipvl0")
			l.device("other", "ns1", "l3s", "10.0.0.14/24")
			l.ipvl("-n", l.ns("ns1"), "link", "del", "other")
			l.eventually("the device is forgotten", func() bool {
				return !strings.Contains(l.savedState(), `"ipvl0"`) && !strings.Contains(l.savedState(), `"other"`)
			})
			_ = l.stop(sig) // checked above
			l.serve()
			l.pings("lan", "10.0.0.12")
			if out := l.ip("ns0", "-o", "link") + l.ip("ns1", "-o", "link"); strings.Contains(out, "ipvl0") || strings.Contains(out, "other") {
				t.Errorf("a deleted device is back:\n%s", out)
			}
		})
	}
}

// Without a state, and with one that is none, the appliance starts with nothing.
func TestStateIsNotNeeded(t *testing.T) {
	l := newL2(t)
	l.pings("lan", "10.0.0.11")
	path := filepath.Join(l.dir, "state.json")
	l.eventually("it is saved", func() bool { return strings.Contains(l.savedState(), "10.0.0.12") })
	saved := l.savedState()
	for _, bad := range []string{"garbage", "", "{", `{"version":99}`, saved[:len(saved)/2], strings.Replace(saved, `"rules": {`, `"rules": {"policy":{"input":"perhaps"},`, 1)} {
		_ = l.stop(syscall.SIGTERM) // how it ends is not of interest
		if err := os.WriteFile(path, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		l.serve()
		if out := l.ip("ns0", "-o", "link"); strings.Contains(out, "ipvl0") {
			t.Errorf("after %.20q:\n%s", bad, out)
		}
		if aside, err := os.ReadFile(path + ".unreadable"); err != nil || string(aside) != bad {
			t.Errorf("%.20q is kept as %.20q: %v", bad, aside, err)
		}
		if r := l.ipvlIn("host", "link", "show"); r.code != 0 {
			t.Errorf("after %.20q: %+v", bad, r)
		}
	}
	l.device("ipvl0", "ns0", "l2", "10.0.0.11/24")
	l.pings("lan", "10.0.0.11")
	_ = l.stop(syscall.SIGTERM)
	l.serve("--state", "none")
	if out := l.ip("ns0", "-o", "link"); strings.Contains(out, "ipvl0") {
		t.Errorf("--state none remembers:\n%s", out)
	}
	// It left the file alone, too.
	_ = l.stop(syscall.SIGTERM)
	l.serve("--state", path)
	l.pings("lan", "10.0.0.11")
}

func (l *lan) savedState() string {
	b, err := os.ReadFile(filepath.Join(l.dir, "state.json"))
	if err != nil {
		return ""
	}
	return string(b)
}

// holder starts a process in a network namespace without a name and returns its id.
func (l *lan) holder() (pid string) {
	l.t.Helper()
	child := exec.Command("unshare", "--net", "sh", "-c", "ip link set lo up; echo ready; read line")
	in, err := child.StdinPipe()
	if err != nil {
		l.t.Fatal(err)
	}
	out, err := child.StdoutPipe()
	if err != nil {
		l.t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() {
		in.Close()
		_ = child.Wait() // sh's read fails at the end of input
	})
	if _, err := out.Read(make([]byte, 6)); err != nil {
		l.t.Fatal(err)
	}
	return itoa(child.Process.Pid)
}

// shownOptions are mode, flag and options of ipvl0, as text and as JSON.
func (l *lan) shownOptions(ns string) string {
	l.t.Helper()
	var links []struct {
		LinkInfo struct {
			Data json.RawMessage `json:"info_data"`
		} `json:"linkinfo"`
	}
	out := l.ipvl("-d", "-j", "-n", l.ns(ns), "link", "show", "ipvl0")
	if err := json.Unmarshal([]byte(out), &links); err != nil || len(links) != 1 {
		l.t.Fatalf("%v in %s", err, out)
	}
	text := l.ipvl("-d", "-n", l.ns(ns), "link", "show", "ipvl0")
	_, text, _ = strings.Cut(text, " ipvlan ")
	text, _, _ = strings.Cut(text, "addrgenmode")
	return text + string(links[0].LinkInfo.Data) + "\n"
}

// addrs are the addresses of ipvl0, without their flags, which change by themselves.
func (l *lan) addrs(ns string) (list string) {
	l.t.Helper()
	for _, line := range strings.Split(l.ip(ns, "-o", "addr", "show", "dev", "ipvl0"), "\n") {
		if f := strings.Fields(line); len(f) > 4 {
			list += f[3] + "\n"
		}
	}
	return list
}

// A command is answered when the state is written: a run that is killed then has
// lost nothing of it.
func TestStateIsWrittenBeforeTheAnswer(t *testing.T) {
	l := newLAN(t)
	l.serve()
	holds := func(what string, want bool) {
		t.Helper()
		if got := strings.Contains(l.savedState(), what); got != want {
			t.Errorf("%s is in the state: %v, want %v", what, got, want)
		}
	}
	for range 5 {
		l.ipvl("link", "add", "link", "eth0", "name", "ipvl7", "netns", l.ns("ns0"), "type", "ipvlan")
		holds("ipvl7", true)
		l.ipvl("-n", l.ns("ns0"), "link", "set", "ipvl7", "alias", "of ipvl7")
		holds("of ipvl7", true)
		l.ipvl("filter", "add", "input", "proto", "tcp", "dport", "4711", "drop")
		holds("4711", true)
		l.ipvl("filter", "flush")
		holds("4711", false)
		l.ipvl("-n", l.ns("ns0"), "link", "del", "ipvl7")
		holds("ipvl7", false)
	}
}
