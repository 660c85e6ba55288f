package e2e

import (
	"bufio"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// monitor tells of a device that comes, of its addresses, and of its end.
func TestMonitor(t *testing.T) {
	l := newLAN(t)
	l.serve()
	cmd := l.enter("host", os.Getenv(envBinary), "monitor")
	cmd.Env = append(os.Environ(), "IPVL_SOCKET="+l.socket)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 1024)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			lines <- s.Text()
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may be gone
		_ = cmd.Wait()
	})
	// Changes go on until the first of them is told: the subscription is in
	// place some time after the start.
	n := 0
	l.eventually("monitor tells anything", func() bool {
		n++
		l.ip("host", "addr", "add", "10.77.0."+itoa(n)+"/32", "dev", "lo")
		return len(lines) > 0
	})
	l.ipvl("link", "add", "link", "eth0", "name", "mon0", "type", "ipvlan", "mode", "l2")
	l.ip("host", "addr", "add", "10.0.0.44/24", "dev", "mon0")
	l.ipvl("link", "del", "mon0")
	for _, want := range []string{"mon0", "10.0.0.44/24", "Deleted "} {
		deadline := time.After(patience)
		for found := false; !found; {
			select {
			case line, ok := <-lines:
				if !ok {
					t.Fatalf("monitor ended before it told of %q", want)
				}
				found = strings.Contains(line, want)
			case <-deadline:
				t.Fatalf("monitor did not tell of %q", want)
			}
		}
	}
}

// systemd's protocol: READY=1 once commands are served, STOPPING=1 at the end.
func TestNotify(t *testing.T) {
	l := newLAN(t)
	path := filepath.Join(l.dir, "notify")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	l.env = []string{"NOTIFY_SOCKET=" + path}
	l.serve()
	if got := readDatagram(t, c); !strings.Contains(got, "READY=1") {
		t.Errorf("told %q", got)
	}
	if err := l.stop(syscall.SIGINT); err != nil {
		t.Errorf("exit by SIGINT: %v", err)
	}
	if got := readDatagram(t, c); !strings.Contains(got, "STOPPING=1") {
		t.Errorf("told %q", got)
	}
}

func readDatagram(t *testing.T, c *net.UnixConn) string {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 512)
	n, err := c.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return string(buf[:n])
}

// What a program reads: JSON with the kernel's keys.
func TestJSON(t *testing.T) {
	l := newL2(t)
	var links []struct {
		Name     string `json:"ifname"`
		LinkInfo struct {
			Kind string `json:"info_kind"`
			Data struct {
				Mode   string `json:"mode"`
				Bridge bool   `json:"bridge"`
			} `json:"info_data"`
		} `json:"linkinfo"`
	}
	out := l.ipvl("-d", "-j", "-n", l.ns("ns0"), "link", "show", "type", "ipvlan")
	if err := json.Unmarshal([]byte(out), &links); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	if len(links) != 1 || links[0].Name != "ipvl0" || links[0].LinkInfo.Kind != "ipvlan" ||
		links[0].LinkInfo.Data.Mode != "l2" || !links[0].LinkInfo.Data.Bridge {
		t.Errorf("%+v of %s", links, out)
	}
	for _, args := range [][]string{{"addr"}, {"route"}, {"neigh"}, {"-s", "link"}, {"-6", "route", "show", "table", "all"}} {
		out := l.ipvl(append([]string{"-j", "-p"}, args...)...)
		if !json.Valid([]byte(out)) {
			t.Errorf("%v: no JSON:\n%s", args, out)
		}
	}
}

// A device reaches its host one way, as with the kernel's driver: with a
// static neighbour in l2, by the route in l3. The host's answers have no way back.
func TestDeviceReachesHostOneWay(t *testing.T) {
	l := newL2(t)
	l.pings("ns0", "10.0.0.12")
	mac := l.mac("host", "eth0")
	for _, host := range []string{"10.0.0.1", "fd00::1"} {
		l.ip("ns0", "neigh", "replace", host, "lladdr", mac, "dev", "ipvl0")
	}
	for _, mode := range []string{"l2", "l3"} {
		l.ipvl("-n", l.ns("ns1"), "link", "set", "ipvl0", "type", "ipvlan", "mode", mode)
		for _, host := range []string{"10.0.0.1", "fd00::1"} {
			l.datagram("ns0", "host", host, mode+" "+host)
			if mode == "l3" {
				l.silent("ns0", host)
			}
		}
	}
}
