package main

import (
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ipvl/ipvl/cmd/ipvl-bench/internal/report"
)

// What is due at once comes at once, and everything comes, whole.
func TestPaced(t *testing.T) {
	lines := strings.Fields(strings.Repeat("one two three ", 500))
	b, err := io.ReadAll(&paced{lines: lines, rate: 1e9, begin: time.Now()})
	if err != nil || !slices.Equal(strings.Fields(string(b)), lines) {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	begin := time.Now().Add(-time.Hour)
	p := &paced{lines: lines, rate: 100, begin: begin}
	room := make([]byte, 4)
	if n, err := p.Read(room); n != 4 || err != nil || string(room) != "one\n" {
		t.Errorf("%q, %v", room[:n], err)
	}
	begin = time.Now()
	if _, err := io.ReadAll(&paced{lines: lines[:11], rate: 1000, begin: begin}); err != nil || time.Since(begin) < 10*time.Millisecond {
		t.Errorf("11 lines came in %v: %v", time.Since(begin), err)
	}
}

func TestJudgeGrowth(t *testing.T) {
	few := report.Size{Devices: 2, PPS: report.Samples{100}, ResidentMiB: 20}
	many := report.Size{Devices: 1026, PPS: report.Samples{96}, Add: report.Samples{5}, Del: report.Samples{5}, ResidentMiB: 60, IdleCPU: 0.1}
	for _, l := range judgeGrowth([]report.Size{few, many}) {
		if !l.OK {
			t.Errorf("%+v", l)
		}
	}
	few.ResidentMiB, many = 41, report.Size{Devices: 1026, PPS: report.Samples{94}, Add: report.Samples{11}, Del: report.Samples{11}, ResidentMiB: 106, IdleCPU: 1, Threads: 1024}
	for _, l := range judgeGrowth([]report.Size{few, many}) {
		if l.OK {
			t.Errorf("%+v", l)
		}
	}
	if judgeGrowth([]report.Size{few}) != nil {
		t.Error("one size was compared")
	}
}

// No two addresses are the same, and all are addresses.
func TestAddresses(t *testing.T) {
	seen := make(map[string]bool)
	for i := range 1024 {
		for j := range perDevice {
			seen[address(i, j)] = true
		}
	}
	for i := range storm {
		seen[stormAddress(i)] = true
	}
	if len(seen) != 1024*perDevice+storm {
		t.Errorf("%d addresses", len(seen))
	}
	if spaceOf(0) != "a" || spaceOf(1) != "b" || spaceOf(2) != "i0" || spaceOf(2+perSpace) != "i1" {
		t.Error("devices are elsewhere")
	}
}

func TestBenchmarkLines(t *testing.T) {
	const out = "goos: linux\nBenchmarkLoadMillion-2 \t 1\t 2123 ns/op\t 90.0 MiB\nBenchmarkX\nPASS\n"
	if got := benchmarkLines(out); !reflect.DeepEqual(got, []string{"BenchmarkLoadMillion-2 1 2123 ns/op 90.0 MiB"}) {
		t.Errorf("%q", got)
	}
}
