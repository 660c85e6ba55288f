package lab

import (
	"reflect"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	names := strings.NewReplacer("{a}", "l2.a", "{dir}", "/run/x")
	for text, want := range map[string]line{
		"host: ip link add eth0 netns {a}":         {run, "host", []string{"ip", "link", "add", "eth0", "netns", "l2.a"}},
		"host& ipvl serve --socket {dir}/api.sock": {keep, "host", []string{"ipvl", "serve", "--socket", "/run/x/api.sock"}},
		"r= net/ipv4/ip_forward 1":                 {sysctl, "r", []string{"net/ipv4/ip_forward", "1"}},
		"wait {dir}/ctl":                           {wait, "", []string{"/run/x/ctl"}},
	} {
		if got, err := parse(text, names); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "host:", "host ip link", ": ip link", "r= net/ipv4/ip_forward"} {
		if l, err := parse(text, names); err == nil {
			t.Errorf("%q was read as %+v", text, l)
		}
	}
}

func TestReadyFD(t *testing.T) {
	for text, want := range map[string]bool{
		"h& ipvl serve --ready-fd 3": true, "h& slirp4netns --ready-fd=3 x tap0": true, "h& x --ready-fd 31": false, "h& x": false,
	} {
		l, err := parse(text, strings.NewReplacer())
		if err != nil || l.readyFD() != want {
			t.Errorf("%q: %v, %v", text, !want, err)
		}
	}
}

func TestParseStat(t *testing.T) {
	const line = "42 (a ) (b) S 7 42 42 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 1 0 100 0 0"
	got, err := ParseStat([]byte(line))
	if want := (Stat{PID: 42, Parent: 7, CPU: 2}); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	for _, bad := range []string{"", "42", "42 (a) S 7", "x (a) S 7 42 42 0 -1 4194560 1 0 0 0 150 50 0", ") 1 ("} {
		if got, err := ParseStat([]byte(bad)); err == nil {
			t.Errorf("%q was read as %+v", bad, got)
		}
	}
}

func TestParseRSS(t *testing.T) {
	if n, err := parseRSS("Name:\tx\nVmHWM:\t 9 kB\nVmRSS:\t  2048 kB\nRssAnon: 1 kB\n"); err != nil || n != 2048 {
		t.Errorf("%d, %v", n, err)
	}
	if _, err := parseRSS("Name:\tx\n"); err == nil {
		t.Error("a kernel thread has memory")
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte("42 (a) S 7 42 42 0 -1 4194560 1 0 0 0 150 50 0"))
	f.Add([]byte(") ("))
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := ParseStat(b); err != nil && s != (Stat{}) {
			t.Errorf("an error and %+v", s)
		}
	})
}
