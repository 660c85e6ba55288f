package e2e

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// gone waits until no device of that name is in a namespace.
func (l *lan) gone(ns, dev string) {
	l.t.Helper()
	l.eventually(dev+" is gone from "+ns, func() bool {
		return exec.Command("ip", "-n", l.ns(ns), "link", "show", "dev", dev).Run() != nil
	})
}

func TestWorkloadDeletesItsInterface(t *testing.T) {
	l := newL2(t)
	l.pings("ns1", "10.0.0.11")
	l.ip("ns0", "link", "del", "ipvl0")
	// Its address is free at once, and the sibling lives on.
	l.ip("ns1", "addr", "add", "10.0.0.11/24", "dev", "ipvl0")
	l.pings("lan", "10.0.0.11")
	l.pings("ns1", "10.0.0.100")
	l.device("again", "ns0", "l2", "10.0.0.13/24")
	l.pings("ns1", "10.0.0.13")
}

func TestNamespaceGoes(t *testing.T) {
	l := newL2(t)
	l.pings("ns1", "10.0.0.11")
	l.ip("ns0", "link", "set", "lo", "down") // nothing of ours is in the way of its end
	l.run("ip", "netns", "del", l.ns("ns0"))
	l.eventually("its device is forgotten", func() bool {
		return !strings.Contains(l.logText(), "panic") && strings.Contains(l.logText(), "interface is gone")
	})
	l.pings("ns1", "10.0.0.100")
	l.ip("ns1", "addr", "add", "10.0.0.11/24", "dev", "ipvl0")
	l.pings("lan", "10.0.0.11")
}

// A namespace lives as long as a process is in it, not as long as we run.
func TestNoNamespaceIsKeptAlive(t *testing.T) {
	l := newLAN(t)
	l.serve()
	child := exec.Command("unshare", "--net", "sh", "-c", "ip link set lo up; echo ready; read line")
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 6)); err != nil {
		t.Fatal(err)
	}
	pid := itoa(child.Process.Pid)
	l.ipvl("link", "add", "link", "eth0", "name", "ipvl0", "netns", pid, "type", "ipvlan", "mode", "l2")
	for _, args := range [][]string{{"link", "set", "ipvl0", "up"}, {"addr", "add", "10.0.0.11/24", "dev", "ipvl0"}} {
		l.run(append([]string{"nsenter", "-t", pid, "-n", "ip"}, args...)...)
	}
	l.pings("lan", "10.0.0.11")
	in.Close()
	_ = child.Wait() // sh's read fails at the end of input
	l.eventually("the device went with the process", func() bool { return strings.Contains(l.logText(), "interface is gone") })
}

func TestMoves(t *testing.T) {
	l := newLAN(t)
	l.serve()
	// Made in the default namespace and moved by ip(8), as scripts do; by path;
	// back by our own command.
	l.ipvl("link", "add", "link", "eth0", "name", "ipvl0", "type", "ipvlan", "mode", "l2")
	l.ip("host", "link", "set", "ipvl0", "netns", l.ns("ns0"))
	l.ip("ns0", "link", "set", "ipvl0", "name", "eth7")
	l.ip("ns0", "link", "set", "eth7", "up")
	l.ip("ns0", "addr", "add", "10.0.0.11/24", "dev", "eth7")
	l.pings("lan", "10.0.0.11")
	l.ipvl("-n", l.ns("ns0"), "link", "set", "eth7", "netns", "/run/netns/"+l.ns("ns1"))
	if out := l.ip("ns1", "addr", "show", "dev", "eth7"); strings.Contains(out, "10.0.0.11") || strings.Contains(out, ",UP") {
		t.Errorf("a moved device is down and without addresses:\n%s", out)
	}
	l.ip("ns1", "link", "set", "eth7", "up")
	l.ip("ns1", "addr", "add", "10.0.0.12/24", "dev", "eth7")
	l.pings("lan", "10.0.0.12")
	if out := l.ipvl("-n", l.ns("ns1"), "link", "show", "type", "ipvlan"); !strings.Contains(out, "eth7@if") {
		t.Errorf("link show:\n%s", out)
	}
}

func TestMasterChanges(t *testing.T) {
	l := newL2(t)
	l.pings("ns0", "10.0.0.100")
	l.ip("host", "link", "set", "eth0", "mtu", "1400")
	l.ip("lan", "link", "set", "eth0", "mtu", "1400")
	for _, ns := range []string{"ns0", "ns1"} {
		l.eventually("the MTU is followed in "+ns, func() bool { return l.field(ns, "ipvl0", "mtu") == "1400" })
	}
	l.stream("ns0", "lan", "10.0.0.100", 4<<20)
	l.ip("host", "link", "set", "eth0", "address", "02:00:00:00:00:77")
	for _, ns := range []string{"ns0", "ns1"} {
		l.eventually("the MAC address is followed in "+ns, func() bool { return l.mac(ns, "ipvl0") == "02:00:00:00:00:77" })
	}
	l.ip("lan", "neigh", "flush", "dev", "eth0")
	l.pings("lan", "10.0.0.11")
	l.pings("ns0", "10.0.0.12")
	l.ip("host", "link", "set", "eth0", "down")
	l.eventually("the carrier goes with the master", func() bool { return strings.Contains(l.flags("ns0", "ipvl0"), ",NO-CARRIER,") })
	l.ip("host", "link", "set", "eth0", "up")
	l.eventually("the carrier comes back", func() bool { return strings.Contains(l.flags("ns0", "ipvl0"), ",LOWER_UP,") })
	l.pings("ns0", "10.0.0.100")
}

// The guard follows a master that is renamed: with forwarding on, the host
// would ask the wire for its own device.
func TestMasterIsRenamed(t *testing.T) {
	l := newL2(t)
	l.sysctl("host", "net/ipv4/ip_forward", "1")
	l.pings("lan", "10.0.0.11")
	l.ip("host", "link", "set", "eth0", "down")
	l.ip("host", "link", "set", "eth0", "name", "uplink")
	l.ip("host", "link", "set", "uplink", "up")
	l.eventually("the guard has the new name", func() bool {
		return strings.Contains(strings.Join(l.nftTables("host"), " "), "uplink")
	})
	l.pings("lan", "10.0.0.11")
	wire := l.open("lan", "eth0")
	l.pings("lan", "10.0.0.11")
	for _, f := range wire.until("a reply of the device", func(f []byte) bool { return isEcho(f, 0) && src4(f) == "10.0.0.11" }) {
		if isARPRequest(f) && f[41] == 11 && string(f[6:12]) == string(mustMAC(l.mac("host", "uplink"))) {
			t.Errorf("the host asks for its device: % x", f)
		}
	}
	if out := l.ipvl("-d", "-n", l.ns("ns0"), "link", "show", "ipvl0"); !strings.Contains(out, "ipvl0@if") {
		t.Errorf("link show:\n%s", out)
	}
}

func TestMasterGoes(t *testing.T) {
	l := newL2(t)
	l.ip("host", "link", "del", "eth0")
	l.gone("ns0", "ipvl0")
	l.gone("ns1", "ipvl0")
	l.refused(1, `Cannot find device "eth0"`, "link", "add", "link", "eth0", "name", "x", "type", "ipvlan")
	if r := l.ipvlIn("host", "link", "show"); r.code != 0 {
		t.Errorf("the appliance does not answer any more: %+v", r)
	}
}

func TestSIGTERMLeavesNothing(t *testing.T) {
	l := newL2(t)
	before := l.traces()
	if before == "" {
		t.Error("a running appliance leaves no trace at all: the check below checks nothing")
	}
	if err := l.stop(syscall.SIGTERM); err != nil {
		t.Errorf("exit: %v\n%s", err, l.logText())
	}
	l.gone("ns0", "ipvl0")
	l.gone("ns1", "ipvl0")
	if got := l.traces(); got != "" {
		t.Errorf("left behind:\n%s", got)
	}
	if _, err := os.Stat(l.socket); !os.IsNotExist(err) {
		t.Errorf("the socket is still there: %v", err)
	}
}

func TestStartAfterSIGKILL(t *testing.T) {
	l := newL2(t)
	l.pings("ns0", "10.0.0.12")
	if err := l.stop(syscall.SIGKILL); err == nil {
		t.Error("it ended well by SIGKILL")
	}
	l.serve("--state", "none")
	l.gone("ns0", "ipvl0")
	l.gone("ns1", "ipvl0")
	if got := l.traces(); got != "" {
		t.Errorf("left behind by the first run:\n%s", got)
	}
	l.device("ipvl0", "ns0", "l2", "10.0.0.11/24")
	l.pings("ns0", "10.0.0.100")
}

// traces are the nftables and interfaces of ours in the host's namespace.
func (l *lan) traces() string {
	l.t.Helper()
	var found []string
	for _, name := range l.nftTables("host") {
		if strings.Contains(name, "ipvl") {
			found = append(found, "nft table "+name)
		}
	}
	for _, line := range strings.Split(l.ip("host", "-o", "link"), "\n") {
		if strings.Contains(line, "ipvl") {
			found = append(found, line)
		}
	}
	return strings.Join(found, "\n")
}
