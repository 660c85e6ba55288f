package main

import (
	"context"
	"strings"
	"testing"

	"github.com/ipvl/ipvl/nsutil"
)

func TestTable(t *testing.T) {
	var b strings.Builder
	r := rates{device: []float64{9e9, 15e9, 12e9}, plain: []float64{20e9, 16e9, 18e9}, carrier: "TAPs"}
	r.table(&printer{w: &b})
	const want = `
TCP, one stream, medians of 3 interleaved rounds of 1.5s
device to device (L2)      12.0 Gbit/s  [9.0 - 15.0]  67 % of the pair
plain veth pair            18.0 Gbit/s  [16.0 - 20.0]
The devices are TAPs.
`
	if b.String() != want {
		t.Errorf("printed\n%s\nwant\n%s", b.String(), want)
	}
	b.Reset()
	new(rates).table(&printer{w: &b})
	if b.Len() > 0 {
		t.Errorf("without a measurement: %q", b.String())
	}
}

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		v    []float64
		want float64
	}{{nil, 0}, {[]float64{3}, 3}, {[]float64{3, 1}, 2}, {[]float64{9, 1, 2}, 2}} {
		if got := median(c.v); got != c.want {
			t.Errorf("%v: %v", c.v, got)
		}
	}
}

func TestTCPRateOverLoopback(t *testing.T) {
	rate, err := tcpRate(t.Context(), nsutil.Ref{}, nsutil.Ref{}, "127.0.0.1", 1)
	if err != nil || rate <= 0 {
		t.Errorf("%v, %v", rate, err)
	}
}

func TestTCPRateEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := tcpRate(ctx, nsutil.Ref{}, nsutil.Ref{}, "127.0.0.1", roundTime); err == nil {
		t.Error("no error")
	}
}

func TestNoMore(t *testing.T) {
	before, during := []string{"/lo"}, []string{"/lo", "ns0/ipvl0"}
	for _, c := range []struct {
		during, have []string
		want         string
	}{
		{during, before, ""},
		{during, during, "interfaces left: ns0/ipvl0"},
		{before, before, "no interfaces before"},
	} {
		_, err := noMore("interfaces", before, c.during, c.have)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}
