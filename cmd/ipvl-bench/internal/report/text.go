package report

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
)

// WriteText writes all tables.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	r.head(&b)
	if len(r.Entries) > 0 {
		r.values(&b, "Throughput: medians [min-max]", TCP1, TCP1R, TCP4, TCP4R, GSO, CPU)
		r.values(&b, "Small packets and connections", PPS, Flows, Conns, RSS)
		r.values(&b, "Request-response: mean, p50, p99", RR1, RR150, RR199, RR, RR50, RR99)
		r.verdicts(&b)
		r.commands(&b)
		r.missing(&b)
	}
	if r.Growth != nil {
		r.Growth.text(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// quiet is how many cores may be busy with something else.
const quiet = 0.1

func (r *Report) head(b *strings.Builder) {
	m := r.Machine
	fmt.Fprintf(b, "%s\n%s, %d cores, Linux %s, %s, %s\nDevices: %s. Run %s.\n", r.Command, m.CPU, m.Cores, m.Kernel, m.Go, m.IPVL, m.Devices, m.User)
	if busy := max(m.Busy[0], m.Busy[1]); busy > quiet {
		fmt.Fprintf(b, "WARNING: something else kept %.2f cores busy before the run, %.2f after it: ratios are rough, CPU figures are too high.\n", m.Busy[0], m.Busy[1])
	}
	fmt.Fprintf(b, "%d rounds, interleaved, %.3g s a load, %s in all, begun %s\n", r.Rounds, r.Seconds, r.Took.Round(1e9), r.Begun.UTC().Format("2006-01-02 15:04 MST"))
}

// table aligns tab-separated lines.
func table(b *strings.Builder, title string, lines []string) {
	fmt.Fprintf(b, "\n%s\n", title)
	w := tabwriter.NewWriter(b, 0, 8, 2, ' ', 0)
	for _, l := range lines {
		fmt.Fprintln(w, l)
	}
	w.Flush()
}

// values is a table of metrics; who has none of them is left out.
func (r *Report) values(b *strings.Builder, title string, names ...string) {
	head := []string{""}
	for _, n := range names {
		m := metric(n)
		head = append(head, m.Title+" "+m.Unit)
	}
	lines := []string{strings.Join(head, "\t")}
	for _, c := range r.Entries {
		row, any := []string{c.Title}, false
		for _, n := range names {
			cell := Cell(c.Values[n])
			any = any || cell != "-"
			row = append(row, cell)
		}
		if any {
			lines = append(lines, strings.Join(row, "\t"))
		}
	}
	if len(lines) > 1 {
		table(b, title, lines)
	}
}

// Cell is a median with its spread; "-" of nothing.
func Cell(s Samples) string {
	switch len(s) {
	case 0:
		return "-"
	case 1:
		return figures(s[0])
	}
	return fmt.Sprintf("%s [%s-%s]", figures(s.Median()), figures(s.Min()), figures(s.Max()))
}

// figures writes about three digits.
func figures(v float64) string {
	if v == 0 {
		return "0"
	}
	digits := 2 - int(math.Floor(math.Log10(math.Abs(v))))
	return fmt.Sprintf("%.*f", min(max(digits, 0), 3), v)
}

// verdicts is the table of bars: a line for each, a column for each metric.
func (r *Report) verdicts(b *strings.Builder) {
	if len(r.Verdicts) == 0 {
		return
	}
	columns := []string{TCP1, TCP4, GSO, PPS, RR1, RR, CPU}
	head, rows, order := []string{"ours / against"}, make(map[string]map[string]Verdict), []string(nil)
	for _, c := range columns {
		head = append(head, metric(c).Title)
	}
	met, known := 0, 0
	for _, v := range r.Verdicts {
		if rows[v.Bar] == nil {
			rows[v.Bar] = make(map[string]Verdict)
			order = append(order, v.Bar)
		}
		rows[v.Bar][v.Metric] = v
		known += map[bool]int{true: 1}[v.Known]
		met += map[bool]int{true: 1}[v.OK]
	}
	lines := []string{strings.Join(head, "\t")}
	for _, bar := range order {
		line := []string{bar}
		for _, c := range columns {
			line = append(line, rows[bar][c].cell())
		}
		lines = append(lines, strings.Join(line, "\t"))
	}
	table(b, fmt.Sprintf("Ratios and their bars: %d of %d met, %d not measured", met, len(r.Verdicts), len(r.Verdicts)-known), lines)
}

// cell is a ratio with its spread, its bar, and whether it is met.
func (v Verdict) cell() string {
	if v.Metric == "" {
		return ""
	}
	sign, state := "≥", "missed"
	if v.AtMost {
		sign = "≤"
	}
	bar := fmt.Sprintf("%s%.3g", sign, v.Limit)
	if !v.Known {
		return "- (" + bar + ")"
	}
	if v.OK {
		state = "ok"
	}
	ratio := figures(v.Ratio)
	if len(v.Rounds) > 1 {
		ratio += fmt.Sprintf(" [%s-%s]", figures(v.Rounds.Min()), figures(v.Rounds.Max()))
	}
	return fmt.Sprintf("%s %s (%s)", ratio, state, bar)
}

func (r *Report) commands(b *strings.Builder) {
	b.WriteString("\nThe exact commands\n")
	for _, c := range r.Entries {
		if len(c.Commands) > 0 {
			fmt.Fprintf(b, "%s (%s)\n    %s\n", c.Title, c.Name, strings.Join(c.Commands, "\n    "))
		}
	}
}

func (r *Report) missing(b *strings.Builder) {
	var lines []string
	for _, c := range r.Entries {
		if c.Missing != "" {
			lines = append(lines, c.Title+"\tmissing\t"+oneLine(c.Missing))
		}
		for _, m := range Metrics() {
			if e, ok := c.Errors[m.Name]; ok {
				lines = append(lines, fmt.Sprintf("%s\t%s failed\t%s", c.Title, m.Title, oneLine(e)))
			}
		}
	}
	if lines != nil {
		table(b, "What is not there", lines)
	}
}

// oneLine makes a line of what programs said.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
