package main

import (
	"github.com/ipvl/ipvl/cmd/ipvl-bench/internal/load"
	"github.com/ipvl/ipvl/cmd/ipvl-bench/internal/report"
)

// measure is one load and what its result says.
type measure struct {
	name, title string
	spec        load.Spec // without address and time
	// oneCore binds client, server and switch to one.
	oneCore bool
	// part is how much of the time it gets.
	part float64
	// values are the metrics of a result.
	values func(load.Result) map[string]float64
}

// measures lists all of them, in the order in which they are taken.
func measures() []measure {
	return []measure{
		{report.TCP1, "TCP, one stream; CPU a Gbit", load.Spec{Kind: load.TCP}, false, 1, func(r load.Result) map[string]float64 {
			return map[string]float64{report.TCP1: gbits(r), report.CPU: r.CPU / (float64(r.Bytes) * 8e-9)}
		}},
		{report.TCP1R, "TCP, one stream, from the server", load.Spec{Kind: load.TCP, Reverse: true}, false, 1, rate(report.TCP1R)},
		{report.TCP4, "TCP, four streams", load.Spec{Kind: load.TCP, Streams: 4}, false, 1, rate(report.TCP4)},
		{report.TCP4R, "TCP, four streams, from the server", load.Spec{Kind: load.TCP, Streams: 4, Reverse: true}, false, 1, rate(report.TCP4R)},
		{report.GSO, "UDP, 40 segments of 1400 bytes at once", load.Spec{Kind: load.GSO}, false, 1, rate(report.GSO)},
		{report.PPS, "UDP, 22 bytes, received at overload", load.Spec{Kind: load.PPS}, false, 1, func(r load.Result) map[string]float64 {
			return map[string]float64{report.PPS: float64(r.Packets) / r.Seconds / 1000}
		}},
		{report.Flows, "UDP, 22 bytes, 16 flows by turns, received at overload", load.Spec{Kind: load.PPS, Streams: 16}, false, 1, func(r load.Result) map[string]float64 {
			return map[string]float64{report.Flows: float64(r.Packets) / r.Seconds / 1000}
		}},
		{report.RR1, "TCP request-response, all on one core", load.Spec{Kind: load.RR}, true, 0.5, func(r load.Result) map[string]float64 {
			return map[string]float64{report.RR1: r.Mean, report.RR150: r.P50, report.RR199: r.P99}
		}},
		{report.RR, "TCP request-response, free", load.Spec{Kind: load.RR}, false, 0.5, func(r load.Result) map[string]float64 {
			return map[string]float64{report.RR: r.Mean, report.RR50: r.P50, report.RR99: r.P99}
		}},
		{report.Conns, "short TCP connections, one after the other", load.Spec{Kind: load.Conn}, false, 0.5, func(r load.Result) map[string]float64 {
			return map[string]float64{report.Conns: float64(r.Ops) / r.Seconds}
		}},
	}
}

// gbits is the rate in Gbit/s.
func gbits(r load.Result) float64 { return float64(r.Bytes) * 8e-9 / r.Seconds }

// rate is a measure that gives one rate.
func rate(metric string) func(load.Result) map[string]float64 {
	return func(r load.Result) map[string]float64 { return map[string]float64{metric: gbits(r)} }
}
