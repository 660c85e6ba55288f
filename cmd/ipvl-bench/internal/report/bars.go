package report

// Bar is what one contender has to reach against others.
type Bar struct {
	Title string
	Ours  string
	// Against are the opponents: the best of those that are there counts.
	Against []string
	// Limits are ratios by metric.
	Limits map[string]float64
	// BothWays takes the worse direction of TCP; else it is that from the
	// device, or from the client.
	BothWays bool
}

// Bars returns who has to reach what.
func Bars() []Bar {
	d2d := map[string]float64{TCP1: 0.75, TCP4: 0.60, GSO: 0.70, PPS: 1.4, RR1: 0.52, RR: 0.95, CPU: 1.5}
	peers := map[string]float64{TCP1: 5, TCP4: 5, PPS: 2, RR1: 1.1, RR: 1.0, CPU: 0.5}
	others := []string{"slirp4netns-1500", "slirp4netns-65520", "gvtap-1500", "gvtap-65520", "vde", "pasta"}
	return []Bar{
		{Title: "L2 device to device / veth pair", Ours: "l2", Against: []string{"veth"}, Limits: d2d},
		{Title: "L3 device to device / veth pair", Ours: "l3", Against: []string{"veth"}, Limits: d2d},
		{Title: "device to wire / macvlan to wire", Ours: "l2-wire", Against: []string{"macvlan"},
			Limits: map[string]float64{TCP1: 0.65, TCP4: 0.50, GSO: 0.60, PPS: 0.9, RR1: 0.48, RR: 0.9, CPU: 1.8}},
		{Title: "L3 over a route / veth routed", Ours: "l3-route", Against: []string{"veth-route"},
			Limits: map[string]float64{TCP1: 0.80, TCP4: 0.60, GSO: 0.65, PPS: 1.0, RR1: 0.52, RR: 0.9, CPU: 1.5}},
		{Title: "L3S over a route, tracked / veth routed, nft ct", Ours: "l3s-route", Against: []string{"veth-route-ct"},
			Limits: map[string]float64{TCP1: 0.60, TCP4: 0.50, GSO: 0.50, PPS: 0.5, RR1: 0.4, RR: 0.8, CPU: 2}},
		{Title: "L2 device to device / best peer", Ours: "l2", Against: others, Limits: peers},
		{Title: "L3 device to device / best peer", Ours: "l3", Against: others, Limits: peers},
		{Title: "netstack pair over a Master / veth pair", Ours: "master", Against: []string{"veth"},
			Limits: map[string]float64{TCP1: 1.4, TCP4: 1.4, RR1: 0.7, RR: 2, CPU: 0.7}},
		{Title: "netstack against a TAP, both ways / veth pair", Ours: "master-tap", Against: []string{"veth"}, BothWays: true,
			Limits: map[string]float64{TCP1: 0.55, TCP4: 0.5, RR1: 0.4}},
		{Title: "netstack pair over a Master / best of gVisor's pipe and channel", Ours: "master",
			Against: []string{"gvisor-pipe", "gvisor-channel"}, Limits: map[string]float64{TCP1: 15}},
	}
}

// Verdict is one cell of the table of bars.
type Verdict struct {
	Bar    string `json:"bar"`
	Metric string `json:"metric"`
	// Against is the opponent that counted.
	Against string  `json:"against,omitempty"`
	Limit   float64 `json:"limit"`
	// AtMost says that the ratio must not be above the limit; else not below.
	AtMost bool    `json:"at_most,omitempty"`
	Ratio  float64 `json:"ratio,omitempty"`
	// Rounds are the ratios of each round.
	Rounds Samples `json:"rounds,omitempty"`
	// Known is false where one side has no value.
	Known bool `json:"known"`
	OK    bool `json:"ok"`
}

// Judge compares a report's contenders with the bars.
func Judge(r *Report, bars []Bar) []Verdict {
	var out []Verdict
	for _, b := range bars {
		for _, m := range Metrics() {
			if limit, ok := b.Limits[m.Name]; ok {
				out = append(out, b.judge(r, m, limit))
			}
		}
	}
	return out
}

func (b Bar) judge(r *Report, m Metric, limit float64) Verdict {
	v := Verdict{Bar: b.Title, Metric: m.Name, Limit: limit, AtMost: m.Name == CPU}
	ours := r.Entry(b.Ours)
	if ours == nil {
		return v
	}
	for _, name := range b.Against {
		theirs := r.Entry(name)
		if theirs == nil {
			continue
		}
		ratio, rounds, ok := compare(m, ours, theirs)
		if back := map[string]string{TCP1: TCP1R, TCP4: TCP4R}[m.Name]; ok && b.BothWays && back != "" {
			var other float64
			var otherRounds Samples
			if other, otherRounds, ok = compare(metric(back), ours, theirs); other < ratio {
				ratio, rounds = other, otherRounds
			}
		}
		// The best opponent is the one that is hardest to beat.
		if ok && (!v.Known || (ratio < v.Ratio) != v.AtMost) {
			v.Ratio, v.Rounds, v.Against, v.Known = ratio, rounds, name, true
		}
	}
	v.OK = v.Known && (v.AtMost && v.Ratio <= limit || !v.AtMost && v.Ratio >= limit)
	return v
}

// compare divides medians so that more is better, but for CPU.
func compare(m Metric, ours, theirs *Contender) (float64, Samples, bool) {
	a, b := ours.Values[m.Name], theirs.Values[m.Name]
	if m.Lower && m.Name != CPU {
		a, b = b, a
	}
	if len(a) == 0 || len(b) == 0 || b.Median() == 0 {
		return 0, nil, false
	}
	return a.Median() / b.Median(), a.per(b), true
}
