package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/ipvl/ipvl/cmd/ipvl-bench/internal/inproc"
	"github.com/ipvl/ipvl/cmd/ipvl-bench/internal/load"
	"github.com/ipvl/ipvl/cmd/ipvl-bench/internal/report"
)

// tapLink is the kind of link whose far end is a workload's TAP.
const tapLink = "tap"

func inprocessContenders() []contender {
	// Both ends are alike: there is no way back to measure.
	pair := []string{report.TCP1, report.TCP4, report.RR1, report.RR, report.Conns}
	return []contender{
		{
			name: "master", title: "netstacks over a Master", family: report.Ours, inproc: inproc.Master, only: pair,
			spaces: []string{"host"}, client: "host", addr: "10.0.0.12",
		}, {
			name: "master-tap", title: "netstack to a workload's TAP", family: report.Ours, inproc: tapLink,
			only:   append(pair, report.TCP1R, report.TCP4R),
			spaces: []string{"host", "b"}, client: "host", server: "b", addr: "10.0.0.12",
		}, {
			name: "gvisor-pipe", title: "netstacks over gVisor's pipe", family: report.Peers, inproc: inproc.Pipe, only: pair,
			spaces: []string{"host"}, client: "host", addr: "10.0.0.12",
		}, {
			name: "gvisor-channel", title: "netstacks over gVisor's channel", family: report.Peers, inproc: inproc.Channel, only: pair,
			spaces: []string{"host"}, client: "host", addr: "10.0.0.12",
		},
	}
}

// netstack is the client of such a contender, in a process of its own.
func netstack(kind, netns, spec string) error {
	s, err := load.Parse(spec)
	if err != nil {
		return err
	}
	var r load.Result
	if kind == tapLink {
		r, err = inproc.AgainstTAP(netns, s)
	} else {
		r, err = inproc.Pair(kind, s)
	}
	if err != nil {
		return fmt.Errorf("a netstack over %s: %w", kind, err)
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}
