package e2e

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// floodMax is how many datagrams a flood sends at most.
const floodMax = 1 << 23

// flood is a sender that goes as fast as it can, and who receives.
type flood struct {
	way     string
	out, in *net.UDPConn
	got     atomic.Int64
	over    sync.WaitGroup
}

// flood starts one from a namespace to an address in another: small datagrams,
// which are read and written in batches.
func (l *lan) flood(from, to, addr string) *flood {
	l.t.Helper()
	f := &flood{way: from + " to " + to, in: l.listenUDP(to, addr)}
	err := l.in(from, func() (err error) {
		f.out, err = net.DialUDP("udp", nil, f.in.LocalAddr().(*net.UDPAddr))
		return err
	})
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(f.end)
	f.over.Go(func() {
		b := make([]byte, 64)
		for range floodMax {
			// Other errors are losses: there may be no way any more.
			if _, err := f.out.Write(b); errors.Is(err, net.ErrClosed) {
				return
			}
		}
	})
	f.over.Go(func() {
		b := make([]byte, 64)
		for {
			switch _, err := f.in.Read(b); {
			case err == nil:
				f.got.Add(1)
			case errors.Is(err, net.ErrClosed):
				return
			}
		}
	})
	return f
}

// end closes both sockets and waits until nothing is sent or received any more.
func (f *flood) end() {
	f.out.Close()
	f.in.Close()
	f.over.Wait()
}

// underWay waits until floods have carried many more frames than a batch has.
func (l *lan) underWay(floods []*flood) {
	l.t.Helper()
	for _, f := range floods {
		seen := f.got.Load()
		l.eventually("datagrams come thick from "+f.way, func() bool { return f.got.Load() > seen+1000 })
	}
}

// descriptors lists those of the appliance, sorted, but for the connections of
// commands, which it closes in its own time; and it counts the io_urings.
func (l *lan) descriptors() (names []string, rings int) {
	l.t.Helper()
	proc := fmt.Sprintf("/proc/%d/", l.daemon.Process.Pid)
	connections, err := os.ReadFile(proc + "net/unix")
	if err != nil {
		l.t.Fatal(err)
	}
	links, err := filepath.Glob(proc + "fd/*")
	if err != nil || len(links) == 0 {
		l.t.Fatalf("no descriptors in %s: %v", proc, err)
	}
	for _, name := range links {
		to, err := os.Readlink(name)
		inode := strings.TrimSuffix(strings.TrimPrefix(to, "socket:["), "]")
		switch {
		case err != nil: // closed meanwhile
		case strings.Contains(to, "[io_uring]"):
			rings++
		case inode != to && strings.Contains(string(connections), " "+inode+" "):
		default:
			names = append(names, to)
		}
	}
	slices.Sort(names)
	return names, rings
}

// givenBack waits until the appliance has no descriptors but those that it had before,
// some of which may have been there for a moment only.
func (l *lan) givenBack(when string, before []string) {
	l.t.Helper()
	var now []string
	defer func() {
		if l.t.Failed() {
			l.t.Logf("%s it has %q, and had %q", when, now, before)
		}
	}()
	l.eventually("all is given back "+when, func() bool {
		now, _ = l.descriptors()
		left := slices.Clone(before)
		return !slices.ContainsFunc(now, func(name string) bool {
			i := slices.Index(left, name)
			if i >= 0 {
				left = slices.Delete(left, i, i+1)
			}
			return i < 0
		})
	})
}

// Devices end in every way while traffic of theirs, in both directions, by the wire and
// between devices, goes as fast as it can: it ends with them, all that they had
// is given back, and what others say to each other goes on. So does the appliance.
func TestEndsUnderLoad(t *testing.T) {
	l := newLAN(t)
	l.serve()
	l.device("ipvl0", "ns1", "l2", "10.0.0.12/24")
	others := l.echo("lan", "ns1", "10.0.0.100")
	others("before")
	idle, _ := l.descriptors()
	load := func() []*flood {
		l.device("ipvl0", "ns0", "l2", "10.0.0.11/24")
		for _, ns := range []string{"lan", "ns1"} {
			l.pings(ns, "10.0.0.11")
		}
		floods := []*flood{
			l.flood("ns0", "lan", "10.0.0.100"), l.flood("ns0", "ns1", "10.0.0.12"),
			l.flood("lan", "ns0", "10.0.0.11"), l.flood("ns1", "ns0", "10.0.0.11"),
		}
		l.underWay(floods)
		return floods
	}
	for _, way := range []struct {
		name string
		end  func(floods []*flood)
	}{
		{"a command", func([]*flood) { l.ipvl("-n", l.ns("ns0"), "link", "del", "ipvl0") }},
		{"the workload", func([]*flood) { l.ip("ns0", "link", "del", "ipvl0") }},
		{"the end of its namespace", func(floods []*flood) {
			l.run("ip", "netns", "del", l.ns("ns0"))
			// It lives as long as it has sockets.
			floods[0].out.Close()
			floods[1].out.Close()
			floods[2].in.Close()
			floods[3].in.Close()
		}},
	} {
		floods := load()
		way.end(floods)
		others("after " + way.name)
		l.givenBack("after "+way.name, idle)
		for _, f := range floods {
			f.end()
		}
	}
	l.newNetns("ns0")
	load()
	if _, rings := l.descriptors(); os.Getenv(envPlain) != "" && rings > 0 {
		t.Errorf("%d io_urings where they are forbidden", rings)
	}
	others("before the end")
	if err := l.stop(syscall.SIGTERM); err != nil {
		t.Errorf("exit: %v\n%s", err, l.logText())
	}
	if log := l.logText(); strings.Contains(log, "panic") || strings.Contains(log, "ERROR") {
		t.Errorf("its log:\n%s", log)
	}
	l.gone("ns1", "ipvl0")
	if left := l.traces(); left != "" {
		t.Errorf("left behind:\n%s", left)
	}
}
