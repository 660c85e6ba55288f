package main

import (
	"fmt"

	"github.com/ipvl/ipvl/cmd/ipvl-bench/internal/report"
)

// judgeGrowth compares the sizes with each other and with what they have to be.
func judgeGrowth(all []report.Size) []report.Line {
	if len(all) < 2 {
		return nil
	}
	few, many := all[0], all[len(all)-1]
	name := func(what string) string { return fmt.Sprintf("%s, %d devices", what, many.Devices) }
	ratio := many.PPS.Median() / few.PPS.Median()
	each := (many.ResidentMiB - few.ResidentMiB) * 1024 / float64(many.Devices-few.Devices)
	slow := func(s, bare report.Samples) string {
		return fmt.Sprintf("%s ms; the kernel alone %s", report.Cell(s), report.Cell(bare))
	}
	lines := []report.Line{
		{What: name("small packets, against " + fmt.Sprint(few.Devices)), Text: fmt.Sprintf("%.2f", ratio), Bar: "≥ 0.95", OK: ratio >= 0.95},
		{What: name("add a device"), Text: slow(many.Add, many.BareAdd), Bar: "median < 10 ms", OK: many.Add.Median() < 10},
		{What: name("delete a device"), Text: slow(many.Del, many.BareDel), Bar: "median < 10 ms", OK: many.Del.Median() < 10},
		{What: "resident, idle", Text: fmt.Sprintf("%.1f MiB", few.ResidentMiB), Bar: "< 40 MiB", OK: few.ResidentMiB < 40},
		{What: "more for each idle device", Text: fmt.Sprintf("%.1f KiB", each), Bar: "< 64 KiB", OK: each < 64},
		{What: name("threads, idle"), Text: fmt.Sprintf("%d; with %d devices %d", many.Threads, few.Devices, few.Threads), Bar: "none for each device",
			OK: many.Threads < few.Threads+(many.Devices-few.Devices)/8},
		{What: name("CPU, idle"), Text: fmt.Sprintf("%.2f %% of a core", many.IdleCPU), Bar: "< 0.5 %", OK: many.IdleCPU < 0.5},
	}
	return lines
}
