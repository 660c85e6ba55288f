package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestSamples(t *testing.T) {
	for _, c := range []struct {
		s             Samples
		med, min, max float64
	}{
		{nil, 0, 0, 0}, {Samples{3}, 3, 3, 3}, {Samples{9, 1, 2}, 2, 1, 9}, {Samples{4, 1, 2, 9}, 3, 1, 9},
	} {
		before := append(Samples(nil), c.s...)
		if c.s.Median() != c.med || c.s.Min() != c.min || c.s.Max() != c.max {
			t.Errorf("%v: %v [%v-%v]", c.s, c.s.Median(), c.s.Min(), c.s.Max())
		}
		if !reflect.DeepEqual(before, c.s) {
			t.Errorf("%v became %v", before, c.s)
		}
	}
	if got := (Samples{6, 8}).per(Samples{3, 2}); !reflect.DeepEqual(got, Samples{2, 4}) {
		t.Errorf("round by round: %v", got)
	}
	if (Samples{1}).per(Samples{1, 2}) != nil || (Samples{1}).per(Samples{0}) != nil {
		t.Error("ratios of rounds that do not match")
	}
}

func TestCells(t *testing.T) {
	for want, s := range map[string]Samples{
		"-": nil, "0": {0}, "0.053": {0.053}, "27.8 [19.2-35.2]": {19.2, 27.8, 35.2}, "262": {262.4}, "3.60": {3.6}, "12000": {12000},
	} {
		if got := Cell(s); got != want {
			t.Errorf("%v is shown as %q, not %q", s, got, want)
		}
	}
}

// sample is a report of some contenders with all that bars look at.
func sample() *Report {
	with := func(name, family string, v map[string]Samples) *Contender {
		return &Contender{Name: name, Title: "the " + name, Family: family, Values: v, Commands: []string{"host: ip link add " + name}}
	}
	r := &Report{Rounds: 2, Seconds: 1, Took: time.Minute, Begun: time.Unix(1e9, 0).UTC(), Metrics: Metrics(), Entries: []*Contender{
		with("l2", Ours, map[string]Samples{TCP1: {20, 22}, TCP1R: {8, 10}, RR1: {30, 30}, CPU: {0.1, 0.1}}),
		with("veth", Kernel, map[string]Samples{TCP1: {20, 20}, TCP1R: {20, 20}, RR1: {15, 15}, CPU: {0.05, 0.05}}),
		with("vde", Peers, map[string]Samples{TCP1: {1, 1}, CPU: {2, 2}}),
		with("gvtap-1500", Peers, map[string]Samples{TCP1: {2, 4}, CPU: {1, 1}}),
		{Name: "pasta", Title: "pasta", Family: Peers, Missing: "apt-get install passt"},
	}}
	r.Entry("vde").Fail(PPS, errors.New("nothing arrived"))
	return r
}

func judged(t *testing.T, r *Report, b Bar, metric string) Verdict {
	t.Helper()
	for _, v := range Judge(r, []Bar{b}) {
		if v.Metric == metric {
			return v
		}
	}
	t.Fatalf("no verdict on %s", metric)
	return Verdict{}
}

func TestJudge(t *testing.T) {
	r := sample()
	limits := map[string]float64{TCP1: 1, RR1: 0.5, CPU: 1.5, PPS: 1}
	for _, c := range []struct {
		name      string
		bar       Bar
		metric    string
		ratio     float64
		known, ok bool
		against   string
	}{
		{"more is better", Bar{Ours: "l2", Against: []string{"veth"}, Limits: limits}, TCP1, 1.05, true, true, "veth"},
		{"the worse way", Bar{Ours: "l2", Against: []string{"veth"}, Limits: limits, BothWays: true}, TCP1, 0.45, true, false, "veth"},
		{"latency is turned over, at its limit", Bar{Ours: "l2", Against: []string{"veth"}, Limits: limits}, RR1, 0.5, true, true, "veth"},
		{"CPU is at most", Bar{Ours: "l2", Against: []string{"veth"}, Limits: limits}, CPU, 2, true, false, "veth"},
		{"CPU at its limit", Bar{Ours: "l2", Against: []string{"veth"}, Limits: map[string]float64{CPU: 2}}, CPU, 2, true, true, "veth"},
		{"the best opponent", Bar{Ours: "l2", Against: []string{"vde", "gvtap-1500", "pasta"}, Limits: limits}, TCP1, 7, true, true, "gvtap-1500"},
		{"the best opponent's CPU", Bar{Ours: "l2", Against: []string{"vde", "gvtap-1500"}, Limits: limits}, CPU, 0.1, true, true, "gvtap-1500"},
		{"not measured", Bar{Ours: "l2", Against: []string{"veth"}, Limits: limits}, PPS, 0, false, false, ""},
		{"not there", Bar{Ours: "l3", Against: []string{"veth"}, Limits: limits}, TCP1, 0, false, false, ""},
		{"nobody to beat", Bar{Ours: "l2", Against: []string{"pasta", "none"}, Limits: limits}, TCP1, 0, false, false, ""},
	} {
		v := judged(t, r, c.bar, c.metric)
		if v.Ratio-c.ratio > 1e-9 || c.ratio-v.Ratio > 1e-9 || v.Known != c.known || v.OK != c.ok || v.Against != c.against {
			t.Errorf("%s: %+v", c.name, v)
		}
	}
}

// Each bar speaks of metrics that there are.
func TestBarsAreWellFormed(t *testing.T) {
	for _, b := range Bars() {
		if b.Title == "" || b.Ours == "" || len(b.Against) == 0 || len(b.Limits) == 0 {
			t.Errorf("%+v", b)
		}
		if n := len(Judge(&Report{}, []Bar{b})); n != len(b.Limits) {
			t.Errorf("%s: %d verdicts on %d limits", b.Title, n, len(b.Limits))
		}
	}
}

func TestJSONRoundTrip(t *testing.T) {
	r := sample()
	r.Verdicts = Judge(r, Bars())
	r.Growth = &Growth{Sizes: []Size{{Devices: 2, PPS: Samples{1}}}, Lines: []Line{{What: "a", Bar: "b", OK: true}}}
	b, err := r.JSON()
	if err != nil {
		t.Fatal(err)
	}
	got, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, r) {
		t.Errorf("%+v\nbecame\n%+v", r, got)
	}
	if _, err := Parse([]byte("{")); err == nil {
		t.Error("half of it was read")
	}
}

func TestText(t *testing.T) {
	r := sample()
	r.Verdicts = Judge(r, Bars())
	r.Growth = &Growth{Sizes: []Size{{Devices: 1024, Addresses: 4096}}, Lines: []Line{{What: "a device", Text: "9 ms", Bar: "< 10 ms", OK: true}}, Benchmarks: []string{"BenchmarkX 1"}}
	r.Machine.Busy = [2]float64{0.05, 1.5}
	var b bytes.Buffer
	if err := r.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"21.0 [20.0-22.0]", "L2 device to device / veth pair", "1.05 [1.00-1.10] ok (≥0.75)", "2.00 [2.00-2.00] missed (≤1.5)", "- (≥1.4)", "not measured", "    host: ip link add veth",
		"apt-get install passt", "WARNING: something else kept 0.05 cores busy before the run, 1.50 after it", "small packets failed", "nothing arrived", "1024", "< 10 ms", "BenchmarkX 1",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in\n%s", want, b.String())
		}
	}
}

func TestSVG(t *testing.T) {
	var b bytes.Buffer
	if err := sample().WriteSVG(&b); err != nil {
		t.Fatal(err)
	}
	if err := xml.Unmarshal(b.Bytes(), new(struct{})); err != nil {
		t.Error(err)
	}
	for _, want := range []string{"<svg", "the l2", "the gvtap-1500", "CPU a Gbit"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not drawn", want)
		}
	}
	if err := new(Report).WriteSVG(&b); err == nil {
		t.Error("nothing was drawn")
	}
}

func TestQuantile(t *testing.T) {
	s := Samples{5, 1, 4, 2, 3}
	for q, want := range map[float64]float64{0: 1, 0.5: 3, 0.8: 4, 0.99: 5, 1: 5, 2: 5} {
		if got := s.Quantile(q); got != want {
			t.Errorf("%v of %v: %v, want %v", q, s, got, want)
		}
	}
	if got := (Samples)(nil).Quantile(0.5); got != 0 {
		t.Errorf("of none: %v", got)
	}
}
