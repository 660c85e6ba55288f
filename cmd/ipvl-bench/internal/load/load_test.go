package load

import (
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// The test binary is a side of a load where envSide says so.
const envSide, envSpec = "IPVL_LOAD_SIDE", "IPVL_LOAD_SPEC"

func TestMain(m *testing.M) {
	if side := os.Getenv(envSide); side != "" {
		if err := Main(side, os.Getenv(envSpec), os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestParse(t *testing.T) {
	want := Spec{Kind: TCP, Streams: 4, Reverse: true, Seconds: 1.5, Addr: netip.MustParseAddrPort("10.0.0.1:5201")}
	b, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Parse(string(b)); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	for _, bad := range []string{
		"", `{"kind":"icmp","seconds":1,"addr":"10.0.0.1:1"}`, `{"kind":"tcp","seconds":0,"addr":"10.0.0.1:1"}`,
		`{"kind":"tcp","seconds":1e9,"addr":"10.0.0.1:1"}`, `{"kind":"tcp","seconds":1,"streams":65,"addr":"10.0.0.1:1"}`,
		`{"kind":"tcp","seconds":1,"addr":"[::1]:1"}`, `{"kind":"tcp","seconds":1}`,
	} {
		if s, err := Parse(bad); err == nil {
			t.Errorf("%q was read as %+v", bad, s)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`{"kind":"tcp","seconds":1,"addr":"10.0.0.1:1"}`)
	f.Fuzz(func(t *testing.T, text string) {
		if s, err := Parse(text); err == nil && (s.duration() <= 0 || s.duration() > time.Hour || s.streams() > 64) {
			t.Errorf("%q is not bounded: %+v", text, s)
		}
	})
}

func TestParseCPU(t *testing.T) {
	got, err := parseStat([]byte("cpu  100 20 30 4000 500 6 7 8 90 10\ncpu0 1 2 3 4\n"))
	if err != nil || got != 1.71 {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{"", "cpu 1 2 3", "cpu0 1 2 3 4 5 6 7 8", "cpu a 2 3 4 5 6 7 8"} {
		if v, err := parseStat([]byte(bad)); err == nil {
			t.Errorf("%q was read as %v", bad, v)
		}
	}
}

func TestTrips(t *testing.T) {
	tr := newTrips()
	for i := 100; i >= 1; i-- {
		tr.add(time.Duration(i) * time.Microsecond)
	}
	tr.add(time.Hour) // more than is recorded
	r := tr.result(time.Second)
	if r.Ops != 101 || r.P50 != 51 || r.P99 != 100 || r.Max < 4e6 || r.Seconds != 1 {
		t.Errorf("%+v", r)
	}
	if r := newTrips().result(0); r != (Result{}) {
		t.Errorf("of nothing: %+v", r)
	}
}

func TestMerge(t *testing.T) {
	got := Merge(Result{CPU: 2}, Result{Bytes: 5, Seconds: 1})
	if want := (Result{Bytes: 5, Seconds: 1, CPU: 2}); got != want {
		t.Errorf("%+v", got)
	}
	if got := Merge(Result{Ops: 3, Seconds: 2}, Result{Bytes: 5, Seconds: 1}); got != (Result{Ops: 3, Seconds: 2}) {
		t.Errorf("%+v", got)
	}
}

// Each load is carried from client to server and ends: over kernel sockets,
// in processes of their own, and over connections.
func TestLoads(t *testing.T) {
	for _, s := range []Spec{{Kind: TCP}, {Kind: TCP, Streams: 4, Reverse: true}, {Kind: RR}, {Kind: Conn}, {Kind: GSO}, {Kind: PPS}, {Kind: PPS, Streams: 16}} {
		s.Seconds, s.Addr = 0.02, freePort(t, s.Kind)
		t.Run(string(s.Kind), func(t *testing.T) {
			server := startSide(t, ServerSide, s)
			if err := server.Ready(); err != nil {
				t.Fatal(err)
			}
			c, err := startSide(t, ClientSide, s).Wait()
			if err != nil {
				t.Fatal(err)
			}
			r, err := server.Wait()
			if err != nil {
				t.Fatal(err)
			}
			check(t, s, Merge(c, r))
		})
		if s.Kind != GSO && s.Kind != PPS {
			t.Run(string(s.Kind)+" over connections", func(t *testing.T) { overConns(t, s) })
		}
	}
}

func startSide(t *testing.T, side string, s Spec) *Process {
	t.Helper()
	spec, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(append(os.Environ(), Env()...), envSide+"="+side, envSpec+"="+string(spec))
	p, err := Start(cmd, cmd.Start)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func overConns(t *testing.T, s Spec) {
	l, err := net.Listen("tcp4", s.Addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	type side struct {
		Result
		err error
	}
	served := make(chan side, 1)
	go func() {
		r, err := ServeConns(s, l)
		served <- side{r, err}
	}()
	c, err := Conns(s, func() (net.Conn, error) { return net.Dial("tcp4", s.Addr.String()) })
	if err != nil {
		t.Fatal(err)
	}
	server := <-served
	if server.err != nil {
		t.Fatal(server.err)
	}
	check(t, s, Merge(c, server.Result))
}

func check(t *testing.T, s Spec, r Result) {
	t.Helper()
	if r.Seconds <= 0 || r.Bytes+r.Ops == 0 {
		t.Errorf("%+v", r)
	}
	if s.Kind == RR && (r.Mean <= 0 || r.P99 < r.P50) {
		t.Errorf("%+v", r)
	}
	if s.Kind == GSO && r.Bytes/r.Packets > segment {
		t.Errorf("datagrams of %d bytes", r.Bytes/r.Packets)
	}
}

// freePort is a port of 127.0.0.1 that nobody has at the moment.
func freePort(t *testing.T, k Kind) netip.AddrPort {
	t.Helper()
	if k == GSO || k == PPS {
		c, err := net.ListenPacket("udp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return netip.MustParseAddrPort(c.LocalAddr().String())
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return netip.MustParseAddrPort(l.Addr().String())
}

func TestRefusals(t *testing.T) {
	p := startSide(t, ServerSide, Spec{})
	if err := p.Ready(); err == nil || !strings.Contains(err.Error(), "kind") {
		t.Error(err)
	}
	_, err := Conns(Spec{Kind: GSO}, nil)
	if err == nil || !strings.Contains(err.Error(), "gso") {
		t.Error(err)
	}
}
