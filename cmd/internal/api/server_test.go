package api_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/ipvl/ipvl/cmd/internal/api"
	"github.com/ipvl/ipvl/stack/rules"
)

func ptr[T any](v T) *T { return &v }

// snat is a rule with everything in it.
var snat = rules.Rule{
	Match: rules.Match{Dev: "eth0", Src: netip.MustParsePrefix("10.0.0.0/8"), Dst: netip.MustParsePrefix("10.1.0.0/16"), NotSrc: true, NotDst: true,
		Proto: rules.ProtoTCP, SrcPorts: rules.Ports{Lo: 1, Hi: 9}, DstPorts: rules.Ports{Lo: 22, Hi: 22},
		States: []rules.State{rules.StateNew, rules.StateRelated}, Family: 4},
	Action:  rules.Action{Kind: rules.KindSNAT, Addr: netip.MustParseAddr("192.0.2.1"), Ports: rules.Ports{Lo: 1024, Hi: 2047}},
	Packets: 7, Bytes: 1 << 60,
}

func TestEveryVerbArrivesAsItWasSent(t *testing.T) {
	b := &fake{}
	c, _ := serve(t, b, api.ServerOptions{})
	ctx := context.Background()
	scope := api.Scope{Netns: "ns0", Family: 6, Details: true, Stats: true}
	requests := []any{
		api.LinkAdd{Scope: scope, Master: "eth0", Name: "v0", Kind: "ipvlan", Mode: "l2", Flag: "vepa", Up: true, MTU: 1400},
		api.LinkSet{Scope: scope, Name: "v0", Up: ptr(false), MTU: ptr(0), Alias: ptr(""), Master: ptr("")},
		api.LinkAdd{Master: "eth0", Kind: "ipvlan", Options: api.Options{Lookup: ptr("full"), Proxy: ptr(true), Allow: &[]netip.Prefix{}}},
		api.LinkSet{Name: "v0", Kind: "ipvlan", Options: api.Options{Announce: ptr(false), Guard: ptr(true), Host: ptr(true),
			Isolate: ptr(true), Allow: &[]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}},
		api.LinkDel{Scope: scope, Name: "v0", Kind: "ipvlan"},
		api.LinkShow{Scope: scope, Up: true, Group: ptr(uint32(0))},
		api.AddrShow{Scope: scope, To: netip.MustParsePrefix("fd00::/8"), Flags: 1, FlagMask: 3},
		api.RouteShow{Scope: scope, Table: "all", TOS: ptr(uint8(0)), Metric: ptr(uint32(0))},
		api.RouteGet{Scope: scope, Dst: netip.MustParseAddr("fd00::1"), Mark: 7},
		api.NeighShow{Scope: scope, States: []string{"STALE"}},
		api.RuleShow{Scope: scope, Table: rules.TableNAT, Chain: rules.ChainOutput},
		api.RuleChange{Scope: scope, Table: rules.TableNAT, Chain: rules.ChainPostrouting, Op: api.RuleInsert, Index: 3, Rule: snat},
		api.RuleChange{Table: rules.TableFilter, Chain: rules.ChainInput, Op: api.RulePolicy, Policy: "drop"},
		api.RuleChange{Table: rules.TableFilter, Op: api.RuleFlush},
	}
	for _, r := range requests {
		if err := send(ctx, c, r); err != nil {
			t.Fatalf("%T: %v", r, err)
		}
	}
	if got := b.seen(); !reflect.DeepEqual(got, requests) {
		t.Errorf("arrived %+v\nsent %+v", got, requests)
	}
	if from := b.caller(); from.PID != os.Getpid() || int(from.UID) != os.Getuid() || int(from.GID) != os.Getgid() {
		t.Errorf("caller %+v, want this process", from)
	}
}

func send(ctx context.Context, c api.Client, r any) (err error) {
	switch r := r.(type) {
	case api.LinkAdd:
		err = c.LinkAdd(ctx, r)
	case api.LinkSet:
		err = c.LinkSet(ctx, r)
	case api.LinkDel:
		err = c.LinkDel(ctx, r)
	case api.LinkShow:
		_, err = c.LinkShow(ctx, r)
	case api.AddrShow:
		_, err = c.AddrShow(ctx, r)
	case api.RouteShow:
		_, err = c.RouteShow(ctx, r)
	case api.RouteGet:
		_, err = c.RouteGet(ctx, r)
	case api.NeighShow:
		_, err = c.NeighShow(ctx, r)
	case api.RuleShow:
		_, err = c.RuleShow(ctx, r)
	case api.RuleChange:
		err = c.RuleChange(ctx, r)
	}
	return err
}

func TestValuesComeBackAsTheyWere(t *testing.T) {
	b := &fake{
		links: []api.Link{{Index: 3, Name: "v0", Kind: "ipvlan", Flags: 1, ParentNetnsID: ptr(0), Stats: &api.LinkStats{RxBytes: 1 << 60},
			Drops: map[string]uint64{"no route": 7}, Options: &api.Options{Lookup: ptr("kernel"), Host: ptr(true), Allow: &[]netip.Prefix{}}, AltNames: []string{"x"},
			Addrs: []api.Addr{{Prefix: netip.MustParsePrefix("10.0.0.1/24"), Valid: 0xffffffff, Refused: true}}}},
		routes: []api.Route{{Dst: "default", Family: 4, Table: 254, Type: "unicast", UID: ptr(uint32(0)),
			NextHops: []api.NextHop{{Via: netip.MustParseAddr("fe80::1"), Dev: "eth0"}}}},
		neighs: []api.Neigh{{Dst: netip.MustParseAddr("10.0.0.2"), State: "STALE", Stats: &api.NeighStats{Used: 5}}},
	}
	b.chains = []api.RuleChain{{Table: rules.TableNAT, Chain: rules.ChainPostrouting, Rules: []rules.Rule{snat, {Action: rules.Action{Kind: "accept"}}}}}
	c, _ := serve(t, b, api.ServerOptions{})
	links, err := c.AddrShow(context.Background(), api.AddrShow{})
	if err != nil || !reflect.DeepEqual(links, b.links) {
		t.Errorf("%+v, %v", links, err)
	}
	routes, err := c.RouteShow(context.Background(), api.RouteShow{})
	if err != nil || !reflect.DeepEqual(routes, b.routes) {
		t.Errorf("%+v, %v", routes, err)
	}
	neighs, err := c.NeighShow(context.Background(), api.NeighShow{})
	if err != nil || !reflect.DeepEqual(neighs, b.neighs) {
		t.Errorf("%+v, %v", neighs, err)
	}
	chains, err := c.RuleShow(context.Background(), api.RuleShow{Table: rules.TableNAT})
	if err != nil || !reflect.DeepEqual(chains, b.chains) {
		t.Errorf("%+v, %v", chains, err)
	}
}

func TestRefusalsKeepTextAndErrno(t *testing.T) {
	for _, c := range []struct {
		name    string
		err     error
		want    api.Error
		isErrno syscall.Errno
	}{
		{"errno alone", &api.Error{Op: "link add", Errno: int(syscall.EEXIST)}, api.Error{Op: "link add", Errno: 17}, syscall.EEXIST},
		{"with text", &api.Error{Msg: "mtu greater than device maximum", Errno: 22}, api.Error{Op: "link add", Msg: "mtu greater than device maximum", Errno: 22}, syscall.EINVAL},
		{"wrapped", fmt.Errorf("moving: %w", &api.Error{Op: "x", Msg: "y"}), api.Error{Op: "x", Msg: "y"}, 0},
		{"a plain error", errors.New("broken"), api.Error{Op: "link add", Msg: "broken"}, 0},
		{"a plain errno", fmt.Errorf("opening: %w", syscall.EPERM), api.Error{Op: "link add", Msg: "opening: operation not permitted", Errno: 1}, syscall.EPERM},
		{"an empty one", &api.Error{}, api.Error{Op: "link add", Msg: "link add: refused"}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			client, _ := serve(t, &fake{err: c.err}, api.ServerOptions{})
			var got *api.Error
			if err := client.LinkAdd(context.Background(), api.LinkAdd{}); !errors.As(err, &got) {
				t.Fatalf("%v", err)
			}
			if got.Op != c.want.Op || got.Msg != c.want.Msg || got.Errno != c.want.Errno {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
			if c.isErrno != 0 && !errors.Is(got, c.isErrno) {
				t.Errorf("%v is not %v", got, c.isErrno)
			}
		})
	}
}

func TestANameThatNobodyHasIsNoSuchDevice(t *testing.T) {
	c, _ := serve(t, &fake{links: []api.Link{{Name: "v0", AltNames: []string{"other"}}}}, api.ServerOptions{})
	ctx := context.Background()
	if _, err := c.LinkShow(ctx, api.LinkShow{Name: "v1"}); !errors.Is(err, syscall.ENODEV) {
		t.Errorf("link show: %v", err)
	}
	if _, err := c.AddrShow(ctx, api.AddrShow{Name: "v1"}); !errors.Is(err, syscall.ENODEV) {
		t.Errorf("addr show: %v", err)
	}
	if got, err := c.LinkShow(ctx, api.LinkShow{Name: "other"}); err != nil || len(got) != 1 {
		t.Errorf("by altname: %v, %v", got, err)
	}
	if got, err := c.LinkShow(ctx, api.LinkShow{Name: "v0", Up: true}); err != nil || len(got) != 0 {
		t.Errorf("there, but down: %v, %v", got, err)
	}
}

// raw sends bytes and gives the whole answer.
func raw(t *testing.T, c api.Client, request string) string {
	t.Helper()
	conn, err := net.Dial("unix", c.Socket)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Logf("the server left early: %v", err)
	}
	answer, _ := io.ReadAll(conn)
	return string(answer)
}

func post(path, body string) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body)
}

func TestWhatIsNotUnderstoodIsRefused(t *testing.T) {
	b := &fake{}
	c, _ := serve(t, b, api.ServerOptions{MaxBody: 1000})
	for _, r := range []struct{ name, request, status string }{
		{"unknown field", post("/v1/link/add", `{"master":"eth0","colour":"red"}`), " 400 "},
		{"no JSON", post("/v1/link/add", `master=eth0`), " 400 "},
		{"empty", post("/v1/link/add", ``), " 400 "},
		{"wrong type", post("/v1/link/add", `{"master":7}`), " 400 "},
		{"two values", post("/v1/link/add", `{}{}`), " 400 "},
		{"oversize", post("/v1/link/add", `{"master":"`+strings.Repeat("x", 2000)+`"}`), " 413 "},
		{"oversize tail", post("/v1/link/add", `{}`+strings.Repeat(" ", 2000)), " 413 "},
		{"bad address", post("/v1/route/get", `{"dst":"10.0.0.256","src":""}`), " 400 "},
		{"unknown path", post("/v1/link/paint", `{}`), " 404 "},
		{"wrong method", "GET /v1/link/show HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", " 404 "},
		{"no HTTP", "hello\r\n\r\n", " 400 "},
	} {
		answer := raw(t, c, r.request)
		head, _, _ := strings.Cut(answer, "\r\n")
		if !strings.Contains(head, r.status) {
			t.Errorf("%s: %q, want status%s", r.name, answer, r.status)
		}
	}
	if got := b.seen(); len(got) != 0 {
		t.Errorf("the backend saw %+v", got)
	}
}

func TestOthersAreForbidden(t *testing.T) {
	b := &fake{}
	c, _ := serve(t, b, api.ServerOptions{Allow: func(who api.Caller) bool { return int(who.UID) != os.Getuid() }})
	err := c.LinkDel(context.Background(), api.LinkDel{Name: "v0"})
	if !errors.Is(err, syscall.EPERM) || len(b.seen()) != 0 {
		t.Errorf("%v; the backend saw %v", err, b.seen())
	}
}

// A connection of another kind has no credentials: nobody is nobody.
func TestWithoutCredentialsItIsForbidden(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &fake{}
	serveOn(t, ln, "", b, api.ServerOptions{Allow: func(api.Caller) bool { return true }})
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, post("/v1/link/del", `{"name":"v0"}`))
	answer, _ := io.ReadAll(conn)
	if !strings.Contains(string(answer), " 403 ") || len(b.seen()) != 0 {
		t.Errorf("%s", answer)
	}
}

func TestAPanicEndsNothing(t *testing.T) {
	b := &fake{panics: true}
	c, _ := serve(t, b, api.ServerOptions{})
	for range 2 {
		var e *api.Error
		if err := c.LinkAdd(context.Background(), api.LinkAdd{}); !errors.As(err, &e) || !strings.Contains(e.Msg, "its log") {
			t.Fatalf("%v", err)
		}
	}
}

func TestManyAtOnce(t *testing.T) {
	b := &fake{block: make(chan struct{})}
	c, _ := serve(t, b, api.ServerOptions{})
	const n = 50
	errs := make(chan error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs <- c.LinkAdd(context.Background(), api.LinkAdd{Name: fmt.Sprint("v", i)}) })
	}
	// Another kind of request passes those that wait.
	if _, err := c.LinkShow(context.Background(), api.LinkShow{}); err != nil {
		t.Error(err)
	}
	close(b.block)
	wg.Wait()
	for range n {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if got := len(b.seen()); got != n+1 {
		t.Errorf("%d requests arrived, want %d", got, n+1)
	}
}

func TestAClientThatLeavesEndsItsRequest(t *testing.T) {
	b := &fake{block: make(chan struct{})}
	c, _ := serve(t, b, api.ServerOptions{})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := c.LinkAdd(ctx, api.LinkAdd{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
