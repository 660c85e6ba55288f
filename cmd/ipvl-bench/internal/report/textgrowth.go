package report

import (
	"fmt"
	"strings"
)

func (g *Growth) text(b *strings.Builder) {
	lines := []string{"devices\taddresses\tsmall packets 1000/s\tresident MiB\tidle CPU %\tthreads"}
	for _, s := range g.Sizes {
		lines = append(lines, fmt.Sprintf("%d\t%d\t%s\t%s\t%s\t%d",
			s.Devices, s.Addresses, Cell(s.PPS), figures(s.ResidentMiB), figures(s.IdleCPU), s.Threads))
	}
	table(b, "Devices on one master", lines)
	lines = []string{"devices\tadd: API\tcommand\tkernel alone\tdelete: API\tcommand\tkernel alone"}
	for _, s := range g.Sizes {
		cells := []string{fmt.Sprint(s.Devices)}
		for _, m := range []Samples{s.Add, s.CLIAdd, s.BareAdd, s.Del, s.CLIDel, s.BareDel} {
			cells = append(cells, tail(m))
		}
		lines = append(lines, strings.Join(cells, "\t"))
	}
	table(b, "One more device: median and 99th percentile, ms", lines)
	lines = nil
	for _, l := range g.Lines {
		state := ""
		if l.Bar != "" {
			state = map[bool]string{true: "ok", false: "missed"}[l.OK]
		}
		lines = append(lines, strings.Join([]string{l.What, l.Text, l.Bar, state}, "\t"))
	}
	table(b, "Cost as it grows", lines)
	if g.Benchmarks != nil {
		fmt.Fprintf(b, "\nThe FIB\n%s\n", strings.Join(g.Benchmarks, "\n"))
	}
}

// tail writes the median and the 99th percentile.
func tail(s Samples) string {
	if len(s) == 0 {
		return "-"
	}
	return figures(s.Median()) + ", " + figures(s.Quantile(0.99))
}
