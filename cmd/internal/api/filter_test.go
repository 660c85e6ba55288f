package api_test

import (
	"errors"
	"net/netip"
	"strings"
	"syscall"
	"testing"

	"github.com/ipvl/ipvl/cmd/internal/api"
)

func TestRoutePrefixes(t *testing.T) {
	var all []api.Route
	for _, dst := range []string{"default", "0.0.0.0/1", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", "11.0.0.0/8"} {
		all = append(all, api.Route{Dst: dst, Family: 4, Table: 254})
	}
	for _, dst := range []string{"default", "fd00::/8"} {
		all = append(all, api.Route{Dst: dst, Family: 6, Table: 254})
	}
	for _, c := range []struct{ prefix, match, want string }{
		{"", "", "default 0.0.0.0/1 10.0.0.0/8 10.1.0.0/16 10.1.2.3 11.0.0.0/8 default fd00::/8"},
		{"10.0.0.0/8", "", "10.0.0.0/8"},
		{"10.1.2.3/32", "", "10.1.2.3"},
		{"10.0.0.0/8", "root", "10.0.0.0/8 10.1.0.0/16 10.1.2.3"},
		{"0.0.0.0/8", "root", ""},
		{"10.1.2.3/32", "match", "default 0.0.0.0/1 10.0.0.0/8 10.1.0.0/16 10.1.2.3"},
		{"10.0.0.0/8", "match", "default 0.0.0.0/1 10.0.0.0/8"},
		{"default", "", "default default"},
		{"default", "root", "default 0.0.0.0/1 10.0.0.0/8 10.1.0.0/16 10.1.2.3 11.0.0.0/8 default fd00::/8"},
		{"default", "match", "default default"},
		{"fd00::/8", "root", "fd00::/8"},
	} {
		var got []string
		for _, r := range (api.RouteShow{Prefix: c.prefix, Match: c.match}).Filter(all) {
			got = append(got, r.Dst)
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s %s: %s, want %s", c.match, c.prefix, s, c.want)
		}
	}
}

func TestRouteHops(t *testing.T) {
	all := []api.Route{
		{Dst: "10.0.0.0/8", Table: 254, NextHops: []api.NextHop{{Dev: "a", Via: netip.MustParseAddr("10.9.0.1")}}},
		{Dst: "11.0.0.0/8", Table: 254, NextHops: []api.NextHop{{Dev: "a"}, {Dev: "b"}}},
		{Dst: "12.0.0.0/8", Table: 254},
	}
	for _, r := range []api.RouteShow{{Dev: "a"}, {Via: "10.0.0.0/8"}} {
		if got := r.Filter(all); len(got) != 1 || got[0].Dst != "10.0.0.0/8" {
			t.Errorf("%+v: %+v", r, got)
		}
	}
}

func TestNames(t *testing.T) {
	for _, c := range []struct {
		space  api.Names
		text   string
		number uint32
		ok     bool
		name   string
	}{
		{api.Protocols, "static", 4, true, "static"}, {api.Protocols, "0x4", 4, true, "static"}, {api.Protocols, "77", 77, true, "77"},
		{api.Protocols, "256", 0, false, ""}, {api.Protocols, "", 0, false, ""}, {api.Protocols, "1_0", 0, false, ""},
		{api.Tables, "main", 254, true, "main"}, {api.Tables, "4294967295", 1<<32 - 1, true, "4294967295"}, {api.Tables, "4294967296", 0, false, ""},
		{api.Scopes, "nowhere", 255, true, "nowhere"}, {api.DSFields, "28", 0x28, true, "AF11"}, {api.DSFields, "0x1", 1, true, "0x01"},
		{api.Groups, "default", 0, true, "default"}, {api.RouteTypes, "blackhole", 6, true, "blackhole"},
		{api.IPProtocols, "icmpv6", 58, true, "ipv6-icmp"}, {api.IPProtocols, "255", 255, true, "255"}, {api.IPProtocols, "256", 0, false, ""},
	} {
		n, ok := c.space.Number(c.text)
		if n != c.number || ok != c.ok || (ok && c.space.Name(n) != c.name) {
			t.Errorf("%d %q: %d, %v, %q", c.space, c.text, n, ok, c.space.Name(n))
		}
	}
}

func TestRuleShowPicksChains(t *testing.T) {
	in := []api.RuleChain{{Table: "filter", Chain: "input"}, {Table: "nat", Chain: "input"}, {Table: "nat", Chain: "output"}}
	if got := (api.RuleShow{Table: "nat"}).Filter(in); len(got) != 2 || got[0].Table != "nat" || got[1].Chain != "output" {
		t.Errorf("nat: %+v", got)
	}
	if got := (api.RuleShow{Table: "nat", Chain: "output"}).Filter(in); len(got) != 1 || got[0].Chain != "output" {
		t.Errorf("nat output: %+v", got)
	}
}

func FuzzNames(f *testing.F) {
	f.Add(0, "static")
	f.Add(5, "0x28")
	f.Add(2, "18446744073709551616")
	f.Fuzz(func(t *testing.T, space int, text string) {
		if space < 0 || space > int(api.IPProtocols) {
			return
		}
		n, ok := api.Names(space).Number(text)
		if !ok {
			return
		}
		if again, ok := api.Names(space).Number(api.Names(space).Name(n)); !ok || again != n {
			t.Fatalf("%q is %d, whose name %q is %d", text, n, api.Names(space).Name(n), again)
		}
	})
}

func TestErrorText(t *testing.T) {
	cause := errors.New("cause")
	for _, c := range []struct {
		e    api.Error
		want string
	}{
		{api.Error{Op: "link add", Errno: int(syscall.EEXIST)}, "link add: File exists"},
		{api.Error{Op: "link add", Msg: "no"}, "link add: no"},
		{api.Error{Msg: "no"}, "no"},
		{api.Error{Err: cause}, "cause"},
		{api.Error{Errno: 524}, "Unknown error 524"},
		{api.Error{Errno: int(syscall.EOPNOTSUPP)}, "Operation not supported"},
	} {
		if got := c.e.Error(); got != c.want {
			t.Errorf("%+v: %q", c.e, got)
		}
	}
	if !errors.Is(&api.Error{Err: cause, Errno: 1}, cause) {
		t.Error("the cause is lost")
	}
}
