package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/ipvl/ipvl/cmd/ipvl-bench/internal/report"
	"github.com/ipvl/ipvl/nsutil/sandbox"
)

// envBench makes the test binary the bench, and marks all its processes.
const envBench = "IPVL_BENCH_TEST"

func TestMain(m *testing.M) {
	sandbox.Init()
	if filepath.Base(os.Args[0]) == "ipvl" {
		os.Exit(fakeIPVL(os.Args[1:]))
	}
	if os.Getenv(envBench) != "" {
		os.Exit(run(os.Args[1:]))
	}
	os.Exit(m.Run())
}

func TestFlags(t *testing.T) {
	o, err := parseFlags([]string{"-rounds", "5", "-contenders", "veth,peer", "-measures", "tcp1 rr", "bin/ipvl"}, io.Discard)
	if err != nil || o.rounds != 5 || o.seconds != 1 || o.ipvl != "bin/ipvl" ||
		!slices.Equal(o.contenders, []string{"veth", "peer"}) || !slices.Equal(o.measures, []string{"tcp1", "rr"}) {
		t.Errorf("%+v, %v", o, err)
	}
	for _, bad := range []string{"", "a b", "-rounds 0 a", "-seconds 0.01 a", "-seconds 100 a", "-contenders vet a", "-measures tcp a", "-nonsense a"} {
		var said bytes.Buffer
		if o, err := parseFlags(strings.Fields(bad), &said); err == nil || said.Len() == 0 {
			t.Errorf("%q was taken as %+v, and %q said", bad, o, said.String())
		}
	}
}

// The tables agree with each other: who is compared is there, with what is compared.
func TestTables(t *testing.T) {
	byName := make(map[string]contender)
	for _, c := range contenders() {
		if _, twice := byName[c.name]; twice {
			t.Errorf("%s is there twice", c.name)
		}
		byName[c.name] = c
		if _, err := c.to(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		for _, s := range []string{c.client, c.server} {
			if s != "" && !slices.Contains(c.spaces, s) {
				t.Errorf("%s has no namespace %s", c.name, s)
			}
		}
		if (c.inproc == "") != (len(c.setup) > 0) || c.client == "" || c.title == "" {
			t.Errorf("%+v", c)
		}
	}
	var values []string
	for _, m := range measures() {
		values = append(values, m.name)
	}
	values = append(values, report.CPU)
	for _, b := range report.Bars() {
		for _, name := range append([]string{b.Ours}, b.Against...) {
			c, ok := byName[name]
			if !ok {
				t.Errorf("%s: there is no contender %s", b.Title, name)
			}
			for m := range b.Limits {
				if !slices.Contains(values, m) || m != report.CPU && !c.takes(m) {
					t.Errorf("%s: %s does not measure %s", b.Title, name, m)
				}
			}
		}
	}
}

// Everybody has one turn in each round, and the order changes.
func TestTurn(t *testing.T) {
	all := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}
	before := slices.Clone(all)
	var last []int
	for round := range 6 {
		got := turn(all, round)
		if reflect.DeepEqual(got, last) {
			t.Errorf("round %d is like the one before: %v", round, got)
		}
		last = got
		if s := slices.Sorted(slices.Values(got)); !slices.Equal(s, before) {
			t.Errorf("round %d: %v", round, got)
		}
	}
	if !slices.Equal(all, before) {
		t.Errorf("the list became %v", all)
	}
	if got := turn([]int(nil), 3); len(got) != 0 {
		t.Errorf("%v", got)
	}
}

func TestPack(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a program")
	if err := os.WriteFile(path, []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := pack(&b, []program{{"one", path, false}, {"two", filepath.Join(dir, "none"), true}}); err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(dir, "to", "bin")
	if err := unpack(bytes.NewReader(b.Bytes()), to); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(to, "one"))
	info, _ := os.Stat(filepath.Join(to, "one"))
	if err != nil || string(got) != "content" || info.Mode().Perm()&0o111 == 0 {
		t.Errorf("%q, %v, %v", got, info, err)
	}
	if err := pack(io.Discard, []program{{"two", filepath.Join(dir, "none"), false}}); err == nil {
		t.Error("a program that is not there was packed")
	}
	b.Reset()
	if err := pack(&b, []program{{"../escape", path, false}}); err != nil {
		t.Fatal(err)
	}
	if err := unpack(&b, to); err == nil {
		t.Error("a program was put elsewhere")
	}
}

func TestCPUModel(t *testing.T) {
	if got := cpuModel("processor\t: 0\nmodel name\t: A B: C\nflags\t: x\n"); got != "A B: C" {
		t.Errorf("%q", got)
	}
	if got := cpuModel(""); got != "unknown CPU" {
		t.Errorf("%q", got)
	}
}
