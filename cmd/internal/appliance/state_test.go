package appliance

import (
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/ipvl/ipvl/cmd/internal/api"
	"github.com/ipvl/ipvl/nsutil/rtnl"
	"github.com/ipvl/ipvl/stack"
	"github.com/ipvl/ipvl/stack/fib"
	"github.com/ipvl/ipvl/stack/rules"
)

func sampleState() state {
	p := netip.MustParsePrefix
	on := true
	return state{
		Version: stateVersion, Boot: "x", Netns: savedNetns{Dev: 4, Ino: 7, Cookie: 9},
		Masters: []savedMaster{{Name: "eth0", Mode: "l3s", Flag: "private", Lookup: "full", Devices: []savedDevice{{
			Name: "d", ID: 3, Netns: &savedNetns{Path: "/run/netns/x", Dev: 4, Ino: 8, Cookie: 10}, MTU: 1400, TxQLen: 1000, Up: true,
			Options: api.Options{Proxy: &on, Allow: &[]netip.Prefix{p("10.0.0.5/32")}},
			Addrs:   []savedAddr{{Addr: rtnl.Addr{Prefix: p("10.0.0.5/24"), Address: netip.MustParseAddr("10.0.0.5"), Valid: forever, Preferred: forever}, Until: [2]int64{0, 500}}},
			Routes:  []fib.Route{{Dst: p("0.0.0.0/0"), Table: fib.TableMain, NextHops: []fib.NextHop{{Index: 5, Via: netip.MustParseAddr("10.0.0.1")}}}},
		}}}},
		Rules: rules.Set{Filter: map[rules.Chain][]rules.Rule{rules.ChainInput: {proto(6)}}, Policy: map[rules.Chain]string{rules.ChainOutput: "drop"}},
	}
}

// What is written is what is read.
func TestStateComesBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	want := sampleState()
	b, err := json.Marshal(want)
	if err == nil {
		err = replaceFile(path, b)
	}
	if err != nil {
		t.Fatal(err)
	}
	got, err := loadState(path)
	if err != nil || !reflect.DeepEqual(*got, want) {
		t.Errorf("%v\ngot  %+v\nwant %+v", err, got, want)
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 1 {
		t.Errorf("beside the state there is %v, %v", left, err)
	}
}

// What is put together of pieces is the whole, also where there is nothing.
func TestStateIsPutTogether(t *testing.T) {
	want := sampleState()
	more := want.Masters[0]
	more.Name, more.Devices = "eth1", append(more.Devices, more.Devices[0])
	want.Masters = append(want.Masters, more)
	heads, devices := want, make([][][]byte, len(want.Masters))
	heads.Masters = nil
	for i, m := range want.Masters {
		for _, d := range m.Devices {
			b, err := json.Marshal(d)
			if err != nil {
				t.Fatal(err)
			}
			devices[i] = append(devices[i], b)
		}
		m.Devices = nil
		heads.Masters = append(heads.Masters, m)
	}
	b, err := encodeState(heads, devices)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := parseState(b); err != nil || !reflect.DeepEqual(*got, want) {
		t.Errorf("%v\ngot  %+v\nwant %+v", err, got, want)
	}
	none := state{Version: stateVersion}
	if b, err = encodeState(none, nil); err != nil {
		t.Fatal(err)
	}
	if got, err := parseState(b); err != nil || got.Version != stateVersion || len(got.Masters) != 0 {
		t.Errorf("%+v, %v from %s", got, err, b)
	}
}

func TestNoStateIsNoError(t *testing.T) {
	if st, err := loadState(filepath.Join(t.TempDir(), "none")); st != nil || err != nil {
		t.Errorf("%v, %v", st, err)
	}
}

// What cannot be read is kept for its owner, and out of the way.
func TestUnreadableStateIsSetAside(t *testing.T) {
	for _, text := range []string{"", "{", `{"version":99}`, `{"version":1,"rules":{"filter":{"forward":[{"action":{"kind":"drop"}}]}}}`} {
		path := filepath.Join(t.TempDir(), "state.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if st, err := loadState(path); st != nil || err == nil {
			t.Errorf("%q: %v, %v", text, st, err)
		}
		if b, err := os.ReadFile(path + ".unreadable"); err != nil || string(b) != text {
			t.Errorf("%q was not kept: %q, %v", text, b, err)
		}
	}
}

// A lease goes on where it was; one that ended meanwhile does not come back.
func TestLifetimesGoOn(t *testing.T) {
	now := time.Unix(1000, 0)
	for _, c := range []struct {
		until            [2]int64
		valid, preferred uint32
		ok               bool
	}{
		{[2]int64{0, 0}, forever, forever, true},
		{[2]int64{1500, 1200}, 500, 200, true},
		{[2]int64{1500, 900}, 500, 0, true},
		{[2]int64{1000, 900}, 0, 0, false},
		{[2]int64{999, 900}, 0, 0, false},
	} {
		ad, ok := savedAddr{Until: c.until}.now(now)
		if ok != c.ok || ad.Valid != c.valid || ad.Preferred != c.preferred {
			t.Errorf("%v: valid %d, preferred %d, %v", c.until, ad.Valid, ad.Preferred, ok)
		}
	}
}

func FuzzParseState(f *testing.F) {
	b, err := json.Marshal(sampleState())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"version":1,"masters":[{"devices":[{"addrs":[{"Until":[1]}]}]}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		st, err := parseState(b)
		if (st == nil) == (err == nil) {
			t.Fatalf("%v, %v", st, err)
		}
		if st == nil {
			return
		}
		for _, m := range st.Masters {
			for _, d := range m.Devices {
				// What is asked of it must not panic, whatever it holds.
				_, _ = checkOptions("test", d.Options)
				_ = options{}.merge(d.Options).allows(netip.Addr{})
				for _, a := range d.Addrs {
					a.now(time.Unix(0, 0))
				}
			}
		}
	})
}

func TestOptionsMergeAndShow(t *testing.T) {
	on, off, full := true, false, "full"
	p := netip.MustParsePrefix
	o := options{}.merge(api.Options{Proxy: &on, Announce: &on, Allow: &[]netip.Prefix{p("10.0.0.0/30"), p("fd00::1/128")}})
	o = o.merge(api.Options{Announce: &off, Guard: &on})
	for a, want := range map[string]bool{"10.0.0.3": true, "10.0.0.4": false, "fd00::1": true, "fd00::2": false} {
		if o.allows(netip.MustParseAddr(a)) != want {
			t.Errorf("allows %s: not %v", a, want)
		}
	}
	if any := o.merge(api.Options{Allow: &[]netip.Prefix{}}); !any.allows(netip.MustParseAddr("192.0.2.1")) {
		t.Error("allow any does not free")
	}
	got := o.shown(stack.LookupFull)
	want := api.Options{Lookup: &full, Proxy: &on, Announce: &off, Guard: &on, Host: &off, Isolate: &off, Allow: &[]netip.Prefix{p("10.0.0.0/30"), p("fd00::1/128")}}
	if !reflect.DeepEqual(*got, want) {
		t.Errorf("%+v, want %+v", *got, want)
	}
}

func TestCheckOptions(t *testing.T) {
	word := func(s string) api.Options { return api.Options{Lookup: &s} }
	allow := func(p netip.Prefix) api.Options { return api.Options{Allow: &[]netip.Prefix{p}} }
	for _, c := range []struct {
		o  api.Options
		ok bool
	}{
		{api.Options{}, true}, {word("kernel"), true}, {word("full"), true}, {word(""), false}, {word("Full"), false},
		{allow(netip.MustParsePrefix("10.0.0.0/8")), true}, {allow(netip.MustParsePrefix("10.0.0.1/8")), false}, {allow(netip.Prefix{}), false},
	} {
		if _, err := checkOptions("test", c.o); (err == nil) != c.ok {
			t.Errorf("%+v: %v", c.o, err)
		}
	}
}
