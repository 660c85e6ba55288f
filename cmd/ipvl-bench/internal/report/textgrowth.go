package report

import (
	"fmt"
	"strings"
)

func (g *Growth) text(b *strings.Builder) {
	lines := []string{"devices\taddresses\tsmall packets 1000/s\tadd ms\tdelete ms\tresident MiB\tidle CPU %\tthreads"}
	for _, s := range g.Sizes {
		lines = append(lines, fmt.Sprintf("%d\t%d\t%s\t%s\t%s\t%s\t%s\t%d",
			s.Devices, s.Addresses, Cell(s.PPS), Cell(s.Add), Cell(s.Del), figures(s.ResidentMiB), figures(s.IdleCPU), s.Threads))
	}
	table(b, "Devices on one master", lines)
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
