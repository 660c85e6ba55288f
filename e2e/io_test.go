package e2e

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ipvl/ipvl/e2e/internal/seccomp"
)

// envPlain tells a run that io_uring is forbidden to it, and that it has TAPs.
const envPlain = "IPVL_E2E_PLAIN"

// confine forbids io_uring to this run and the appliances that it starts, where the
// run is about that.
func confine() error {
	if os.Getenv(envPlain) == "" {
		return nil
	}
	return seccomp.ForbidIOURing(unix.EPERM) // as Docker's default profile does
}

// Devices are TAPs where this run can open /dev/net/tun, else veth pairs, and served by
// io_uring where it is permitted. That it is not is told, with what to do.
func TestIO(t *testing.T) {
	backend, io := "veth", "plain"
	if tun, err := os.OpenFile(tunNode, os.O_RDWR, 0); err == nil {
		tun.Close()
		backend = "tap"
	}
	if os.Getenv(envPlain) != "" && (backend != "tap" || seccomp.Ringed(backend)) {
		t.Fatalf("this run is to have TAPs and no io_uring: %s, io_uring: %v", backend, seccomp.IOURing())
	}
	if seccomp.Ringed(backend) {
		io = "uring"
	}
	l := newL2(t)
	l.pings("ns0", "10.0.0.12")
	var links []struct {
		Ipvl struct{ Backend, IO string }
	}
	for _, ns := range []string{"ns0", "ns1"} {
		out := l.ipvl("-d", "-j", "-n", l.ns(ns), "link", "show", "ipvl0")
		if err := json.Unmarshal([]byte(out), &links); err != nil || len(links) != 1 || links[0].Ipvl.Backend != backend || links[0].Ipvl.IO != io {
			t.Errorf("%v, want %s and %s in\n%s", err, backend, io, out)
		}
	}
	if out := l.ipvl("-d", "-n", l.ns("ns0"), "link", "show", "ipvl0"); !strings.Contains(out, " backend "+backend+" io "+io+" ") {
		t.Errorf("want backend %s io %s in\n%s", backend, io, out)
	}
	refused := seccomp.IOURing() != nil
	if told := strings.Contains(l.logText(), "plain system calls serve the devices"); told != refused {
		t.Errorf("io_uring is refused: %t; it is told: %t\n%s", refused, told, l.logText())
	}
	if refused && !strings.Contains(l.logText(), "seccomp profile") {
		t.Errorf("what to do about the refusal is not told:\n%s", l.logText())
	}
}
