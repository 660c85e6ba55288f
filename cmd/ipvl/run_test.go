package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/ipvl/ipvl/cmd/internal/api"
	"github.com/ipvl/ipvl/cmd/internal/grammar"
	"github.com/ipvl/ipvl/stack/rules"
)

// ipvl runs a command line.
func ipvl(t *testing.T, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	var out, errs bytes.Buffer
	status = run(t.Context(), append([]string{"ipvl"}, args...), strings.NewReader(""), &out, &errs)
	return out.String(), errs.String(), status
}

// fake is an appliance that answers what its fields say.
type fake struct {
	err error
	mu  sync.Mutex
	// +checklocks:mu
	got []any
}

func (f *fake) note(r any) error {
	f.mu.Lock()
	f.got = append(f.got, r)
	f.mu.Unlock()
	return f.err
}

func (f *fake) LinkAdd(_ context.Context, _ api.Caller, r api.LinkAdd) error { return f.note(r) }
func (f *fake) LinkSet(_ context.Context, _ api.Caller, r api.LinkSet) error { return f.note(r) }
func (f *fake) LinkDel(_ context.Context, _ api.Caller, r api.LinkDel) error { return f.note(r) }
func (f *fake) LinkShow(_ context.Context, _ api.Caller, r api.LinkShow) ([]api.Link, error) {
	return []api.Link{{Index: 1, Name: "lo", LinkType: "loopback", Flags: 0x10049, MTU: 65536, Qdisc: "noqueue", OperState: "UNKNOWN",
		Address: "00:00:00:00:00:00", Broadcast: "00:00:00:00:00:00"}}, f.note(r)
}
func (f *fake) AddrShow(ctx context.Context, c api.Caller, r api.AddrShow) ([]api.Link, error) {
	links, _ := f.LinkShow(ctx, c, api.LinkShow{})
	links[0].Addrs = []api.Addr{{Prefix: netip.MustParsePrefix("127.0.0.1/8"), Scope: "host", Flags: 0x80, Label: "lo", Valid: 1<<32 - 1, Preferred: 1<<32 - 1}}
	return links, f.note(r)
}
func (f *fake) RouteShow(_ context.Context, _ api.Caller, r api.RouteShow) ([]api.Route, error) {
	return []api.Route{{Dst: "default", Type: "unicast", Table: 254, Family: 4, NextHops: []api.NextHop{{Dev: "m0"}}}}, f.note(r)
}
func (f *fake) RouteGet(_ context.Context, _ api.Caller, r api.RouteGet) (api.Route, error) {
	return api.Route{Dst: r.Dst.String(), Type: "unicast", Table: 254, Family: 4, NextHops: []api.NextHop{{Dev: "m0"}}}, f.note(r)
}
func (f *fake) NeighShow(_ context.Context, _ api.Caller, r api.NeighShow) ([]api.Neigh, error) {
	return []api.Neigh{{Dst: netip.MustParseAddr("10.0.0.1"), Dev: "m0", State: "STALE"}}, f.note(r)
}
func (f *fake) RuleShow(_ context.Context, _ api.Caller, r api.RuleShow) ([]api.RuleChain, error) {
	return []api.RuleChain{
		{Table: rules.TableFilter, Chain: rules.ChainInput, Policy: "drop", Rules: []rules.Rule{{Match: rules.Match{Proto: rules.ProtoTCP,
			DstPorts: rules.Ports{Lo: 22, Hi: 22}}, Action: rules.Action{Kind: rules.KindAccept}, Packets: 3, Bytes: 180}}},
		{Table: rules.TableNAT, Chain: rules.ChainPostrouting, Rules: []rules.Rule{{Action: rules.Action{Kind: rules.KindMasquerade}}}},
	}, f.note(r)
}
func (f *fake) RuleChange(_ context.Context, _ api.Caller, r api.RuleChange) error { return f.note(r) }
func (f *fake) Monitor(ctx context.Context, _ api.Caller, r api.Monitor, emit func(api.Event) error) error {
	if err := emit(api.Event{}); err != nil {
		return err
	}
	if err := emit(api.Event{Neigh: &api.Neigh{Dst: netip.MustParseAddr("10.0.0.1"), Dev: "m0", State: "STALE"}}); err != nil {
		return err
	}
	return f.note(r)
}

// serveFake runs the fake at a socket of the test's own.
func serveFake(t *testing.T, f *fake) (socket string) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), "s")
	ln, err := api.Listen(socket)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- api.Serve(ctx, ln, f, api.ServerOptions{}) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return socket
}

func TestCommandsPrintTheAnswer(t *testing.T) {
	socket := serveFake(t, &fake{})
	for _, c := range []struct{ line, want string }{
		{"link add link eth0 name v0 type ipvlan", ""},
		{"link set v0 up", ""},
		{"link del v0", ""},
		{"-br link", "lo               UNKNOWN        00:00:00:00:00:00 <LOOPBACK,UP,LOWER_UP> \n"},
		{"-j -br link show lo", `[{"ifname":"lo","operstate":"UNKNOWN","address":"00:00:00:00:00:00","flags":["LOOPBACK","UP","LOWER_UP"]}]` + "\n"},
		{"-br addr", "lo               UNKNOWN        127.0.0.1/8 \n"},
		{"route", "default dev m0 \n"},
		{"route show dev m0", "default \n"},
		{"route get 10.0.0.1", "10.0.0.1 dev m0 \n    cache \n"},
		{"neigh", "10.0.0.1 dev m0 STALE \n"},
		{"-j neigh show dev m1", "[]\n"},
		{"link set v0 type ipvlan proxy on allow 10.0.0.5", ""},
		{"filter", "chain input policy drop\n1:\tproto tcp dport 22 accept\n"},
		{"-s filter show input", "chain input policy drop\n1:\tproto tcp dport 22 accept packets 3 bytes 180\n"},
		{"-j nat", `[{"table":"nat","chain":"postrouting","rules":[{"index":1,"action":"masquerade","packets":0,"bytes":0}]}]` + "\n"},
		{"nat show output", ""},
		{"nat add postrouting from 10.0.0.0/8 masquerade", ""},
		{"filter delete input 1", ""},
	} {
		out, errs, status := ipvl(t, append([]string{"-S", socket}, strings.Fields(c.line)...)...)
		if out != c.want || errs != "" || status != 0 {
			t.Errorf("%s: %d\n%q, want %q\nstderr %q", c.line, status, out, c.want, errs)
		}
	}
}

func TestMonitorPrintsUntilTheApplianceGoes(t *testing.T) {
	out, errs, status := ipvl(t, "-S", serveFake(t, &fake{}), "monitor", "label")
	if out != "[NEIGH]10.0.0.1 dev m0 STALE \n" || errs != "Error: the appliance went away.\n" || status != 2 {
		t.Errorf("%d %q %q", status, out, errs)
	}
}

func TestRefusalsReadAsThoseOfTheKernel(t *testing.T) {
	enodev := &api.Error{Errno: int(syscall.ENODEV)}
	for _, c := range []struct {
		line   string
		err    error
		stderr string
		status int
	}{
		{"link add link eth0 name v0 type ipvlan", &api.Error{Errno: int(syscall.EEXIST)}, "RTNETLINK answers: File exists\n", 2},
		{"link add link eth0 name v0 type ipvlan", &api.Error{Errno: 22, Msg: "mtu less than device minimum"}, "Error: mtu less than device minimum.\n", 2},
		{"link add link eth9 name v0 type ipvlan", enodev, "Cannot find device \"eth9\"\n", 1},
		{"link add link eth9 name v0 type ipvlan", &api.Error{Errno: 19, Msg: `Cannot find device "eth9"`}, "Cannot find device \"eth9\"\n", 1},
		{"link set v9 up", enodev, "Cannot find device \"v9\"\n", 1},
		{"link del v9", enodev, "Cannot find device \"v9\"\n", 1},
		{"link show v9", nil, "Device \"v9\" does not exist.\n", 1},
		{"addr show v9", nil, "Device \"v9\" does not exist.\n", 1},
		{"route show dev v9", enodev, "Cannot find device \"v9\"\n", 1},
		{"route get 10.0.0.1 oif v9", enodev, "Cannot find device \"v9\"\n", 1},
		{"neigh show dev v9", enodev, "Cannot find device \"v9\"\n", 1},
		{"filter add input dev v9 drop", enodev, "Cannot find device \"v9\"\n", 1},
		{"filter delete input 9", &api.Error{Errno: int(syscall.ENOENT), Msg: "input has 3 rules"}, "Error: input has 3 rules.\n", 2},
		{"nat", &api.Error{Errno: int(syscall.EOPNOTSUPP)}, "RTNETLINK answers: Operation not supported\n", 2},
		{"route get 10.0.0.1", &api.Error{Errno: int(syscall.ENETUNREACH)}, "RTNETLINK answers: Network is unreachable\n", 2},
		{"link show", errors.New("disk on fire"), "Error: disk on fire.\n", 2},
		{"link show", &api.Error{Errno: 19, Msg: "no master has ipvlan devices"}, "Error: no master has ipvlan devices.\n", 2},
	} {
		out, errs, status := ipvl(t, append([]string{"-S", serveFake(t, &fake{err: c.err})}, strings.Fields(c.line)...)...)
		if out != "" || errs != c.stderr || status != c.status {
			t.Errorf("%s\n got %d %q %q\nwant %d %q", c.line, status, out, errs, c.status, c.stderr)
		}
	}
}

func TestMistakesNeverReachTheAppliance(t *testing.T) {
	for _, c := range []struct {
		line, stderr string
		status       int
	}{
		{"bogus", "Object \"bogus\" is unknown, try \"ipvl help\".\n", 1},
		{"link add link eth0 name a/b type ipvlan", "Error: argument \"a/b\" is wrong: \"name\" not a valid ifname\n", 255},
		{"link add link eth0 name v0 type veth", "", 2},
		{"link set v0 type ipvlan guard maybe", "Error: argument of \"guard\" must be \"on\" or \"off\", not \"maybe\"\n", 1},
		{"filter add input dnat to 10.0.0.1", "Error: dnat belongs to nat prerouting or output.\n", 1},
		{"nat policy output drop", "", 2},
		{"serve --bogus", "Error: flag provided but not defined: -bogus.\n", 1},
		{"serve now", "Error: serve takes no arguments: \"now\".\n", 1},
		{"serve --backend carrier-pigeon", "Error: --backend \"carrier-pigeon\": it is auto, tap or veth.\n", 1},
		{"serve --log-level loud", "Error: --log-level \"loud\": it is debug, info, warn or error.\n", 1},
		{"serve --ready-fd 987654", "Error: --ready-fd 987654: bad file descriptor.\n", 1},
		{"serve --ready-fd x", "", 1},
		{"completion tcsh", "Error: completion takes one of bash, zsh, fish.\n", 1},
	} {
		out, errs, status := ipvl(t, strings.Fields(c.line)...)
		if out != "" || status != c.status || errs == "" || (c.stderr != "" && errs != c.stderr) {
			t.Errorf("%s\n got %d %q %q\nwant %d %q", c.line, status, out, errs, c.status, c.stderr)
		}
	}
	if _, errs, status := ipvl(t); status != 255 || !strings.HasPrefix(errs, "Usage: ipvl ") {
		t.Errorf("without arguments: %d %q", status, errs)
	}
}

func TestWhatNeedsNoAppliance(t *testing.T) {
	for _, c := range []struct{ line, prefix string }{
		{"help", "Usage: ipvl ["}, {"-help", "Usage: ipvl ["}, {"--help", "Usage: ipvl ["}, {"link help", "Usage: ipvl link add"},
		{"link help ipvlan", "Usage: ... ipvlan [ mode MODE ]"}, {"route help", "Usage: ipvl route"},
		{"filter help", "Usage: ipvl filter"}, {"nat help", "Usage: ipvl nat"},
		{"-V", "ipvl utility, ipvl-"}, {"version", "ipvl utility, ipvl-"},
		{"serve --help", "NAME:"}, {"completion bash", "_ipvl()"}, {"completion zsh", "#compdef ipvl"}, {"completion fish", "complete -c ipvl"},
		{"completion words -- -n ns0 link ad", "add\n"}, {"completion words -- se", "serve\n"},
	} {
		out, errs, status := ipvl(t, strings.Fields(c.line)...)
		if !strings.HasPrefix(out, c.prefix) || errs != "" || status != 0 {
			t.Errorf("%s: %d %q %q", c.line, status, out, errs)
		}
	}
}

func TestWithoutAnAppliance(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	want := "Error: no appliance is running at " + socket + " (no such file or directory); start one with: ipvl serve.\n"
	if out, errs, status := ipvl(t, "-S", socket, "link"); out != "" || errs != want || status != 2 {
		t.Errorf("%d %q %q", status, out, errs)
	}
	t.Setenv("IPVL_SOCKET", socket)
	if _, errs, status := ipvl(t, "link"); errs != want || status != 2 {
		t.Errorf("by $IPVL_SOCKET: %d %q", status, errs)
	}
	if _, errs, status := ipvl(t, "-S", "@x", "link"); status != 2 || !strings.Contains(errs, "abstract") {
		t.Errorf("abstract: %d %q", status, errs)
	}
}

func TestRequestsCarryTheOptions(t *testing.T) {
	f := &fake{}
	socket := serveFake(t, f)
	if _, errs, _ := ipvl(t, "-S", socket, "-n", "ns0", "-d", "-s", "-6", "link", "show", "up"); errs != "" {
		t.Fatal(errs)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	want := api.LinkShow{Scope: api.Scope{Netns: "ns0", Family: 6, Details: true, Stats: true}, Up: true}
	if len(f.got) != 1 || f.got[0] != any(want) {
		t.Errorf("%+v", f.got)
	}
}

func TestOutputThatCannotBeWrittenIsAnError(t *testing.T) {
	socket := serveFake(t, &fake{})
	var errs bytes.Buffer
	if status := run(t.Context(), []string{"ipvl", "-S", socket, "link"}, nil, full{}, &errs); status != 2 || errs.String() != "Error: no space left on device.\n" {
		t.Errorf("%d %q", status, errs.String())
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

// Every request that the grammar makes can be sent.
func TestEveryRequestIsSent(t *testing.T) {
	f := &fake{}
	socket := serveFake(t, f)
	for _, line := range []string{"link add link eth0 type ipvlan", "link set dev a", "link del dev a", "link", "addr", "route", "route get ::1", "neigh", "filter", "nat flush", "monitor"} {
		c, err := grammar.Parse(strings.Fields(line))
		if err != nil {
			t.Fatal(err)
		}
		err = ask(t.Context(), api.Client{Socket: socket}, c.Request, c.Options.Options, &bytes.Buffer{})
		if err != nil && !strings.Contains(err.Error(), "went away") {
			t.Errorf("%s: %v", line, err)
		}
	}
	if err := ask(t.Context(), api.Client{}, struct{}{}, grammar.Options{}.Options, nil); err == nil || err.Error() != fmt.Sprintf("no way to send a %T", struct{}{}) {
		t.Errorf("%v", err)
	}
}
