package report

import (
	"errors"
	"fmt"
	"image/color"
	"io"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

const (
	panelWidth = 13 * vg.Centimeter
	lineHeight = 0.55 * vg.Centimeter
	frame      = 2.6 * vg.Centimeter
)

// charted are the panels, two in a row.
func charted() []string { return []string{TCP1, PPS, RR1, CPU} }

// WriteSVG draws medians as bars, a panel for each of some metrics, with the
// spread as a line over the bar's end.
func (r *Report) WriteSVG(w io.Writer) error {
	var rows [][]*plot.Plot
	most := 0
	for pair := range slices.Chunk(charted(), 2) {
		row := make([]*plot.Plot, 2)
		for i, name := range pair {
			p, n, err := r.panel(metric(name))
			if err != nil {
				return fmt.Errorf("report: chart of %s: %w", name, err)
			}
			row[i], most = p, max(most, n)
		}
		rows = append(rows, row)
	}
	if most == 0 {
		return errors.New("report: there is nothing to draw")
	}
	height := vg.Length(len(rows)) * (frame + vg.Length(most)*lineHeight)
	canvas := vgsvg.New(2*panelWidth, height)
	dc := draw.New(canvas)
	dc.FillPolygon(color.White, dc.ClipPolygonXY([]vg.Point{
		{X: dc.Min.X, Y: dc.Min.Y}, {X: dc.Max.X, Y: dc.Min.Y}, {X: dc.Max.X, Y: dc.Max.Y}, {X: dc.Min.X, Y: dc.Max.Y},
	}))
	tiles := draw.Tiles{Rows: len(rows), Cols: 2, PadX: vg.Centimeter, PadY: vg.Centimeter, PadTop: 8, PadBottom: 26, PadLeft: 8, PadRight: 16}
	for j, line := range plot.Align(rows, tiles, dc) {
		for i, c := range line {
			rows[j][i].Draw(c)
		}
	}
	foot := plot.New().Legend.TextStyle
	foot.Font = sans(9)
	dc.FillText(foot, vg.Point{X: dc.Min.X + 8, Y: dc.Min.Y + 8}, r.caption())
	if _, err := canvas.WriteTo(w); err != nil {
		return fmt.Errorf("report: write the chart: %w", err)
	}
	return nil
}

// caption says what the bars are and where they were measured.
func (r *Report) caption() string {
	return fmt.Sprintf("Medians of %d interleaved rounds, lines from least to most. Blue: ipvl; grey: the kernel; orange: others. %s, %d cores, Linux %s, %s, %s.",
		r.Rounds, r.Machine.CPU, r.Machine.Cores, r.Machine.Kernel, r.Machine.Go, r.Begun.UTC().Format("2006-01-02"))
}

// sans is a font that every viewer has something like.
func sans(size vg.Length) font.Font {
	return font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}
}

// panel draws one metric of all who have it, the best on top.
func (r *Report) panel(m Metric) (*plot.Plot, int, error) {
	var have []*Contender
	for _, c := range r.Entries {
		if len(c.Values[m.Name]) > 0 {
			have = append(have, c)
		}
	}
	slices.SortStableFunc(have, func(a, b *Contender) int {
		x, y := a.Values[m.Name].Median(), b.Values[m.Name].Median()
		if m.Lower {
			x, y = y, x
		}
		switch {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	})
	p := plot.New()
	p.Title.Text = m.Title + ", " + m.Unit + map[bool]string{true: " (less is better)", false: " (more is better)"}[m.Lower]
	p.Title.Padding = 6
	p.Title.TextStyle.Font = sans(12)
	p.X.Tick.Label.Font, p.Y.Tick.Label.Font = sans(9), sans(9)
	p.X.Min = 0
	var names []string
	for i, c := range have {
		names = append(names, c.Title)
		if err := bar(p, i, len(have), c.Family, c.Values[m.Name]); err != nil {
			return nil, 0, err
		}
	}
	if len(have) > 0 {
		p.NominalY(names...)
	}
	return p, len(have), nil
}

// bar draws the i-th of n bars of a panel.
func bar(p *plot.Plot, i, n int, family string, s Samples) error {
	v := make(plotter.Values, n)
	v[i] = s.Median()
	b, err := plotter.NewBarChart(v, lineHeight*0.7)
	if err != nil {
		return err
	}
	b.Horizontal = true
	b.LineStyle.Width = 0
	b.Color = colours()[family]
	spread, err := plotter.NewLine(plotter.XYs{{X: s.Min(), Y: float64(i)}, {X: s.Max(), Y: float64(i)}})
	if err != nil {
		return err
	}
	spread.Width = 1.2
	spread.Color = color.Gray{Y: 0x20}
	p.Add(b, spread)
	return nil
}

// colours are those of Okabe and Ito, which colour-blind people can tell apart.
func colours() map[string]color.Color {
	return map[string]color.Color{
		Ours:   color.RGBA{R: 0x00, G: 0x72, B: 0xb2, A: 0xff},
		Kernel: color.RGBA{R: 0x99, G: 0x99, B: 0x99, A: 0xff},
		Peers:  color.RGBA{R: 0xe6, G: 0x9f, B: 0x00, A: 0xff},
	}
}
