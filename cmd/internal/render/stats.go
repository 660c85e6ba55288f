package render

import (
	"fmt"

	"github.com/ipvl/ipvl/cmd/internal/api"
)

// linkStats prints the counters of -statistics; given twice, the errors by kind.
func (p *printer) linkStats(s api.LinkStats) {
	if p.o.JSON {
		p.object("stats64", func() { p.statsJSON(s) })
		return
	}
	p.statsText(s)
}

type counter struct {
	key   string
	value uint64
}

func (p *printer) counters(list ...counter) {
	for _, c := range list {
		p.num(c.key, "", c.value)
	}
}

func (p *printer) statsJSON(s api.LinkStats) {
	p.object("rx", func() {
		p.counters(counter{"bytes", s.RxBytes}, counter{"packets", s.RxPackets}, counter{"errors", s.RxErrors},
			counter{"dropped", s.RxDropped}, counter{"over_errors", s.RxOverErrors}, counter{"multicast", s.Multicast})
		p.nonzero("compressed", s.RxCompressed)
		if p.o.Stats > 1 {
			p.counters(counter{"length_errors", s.RxLengthErrors}, counter{"crc_errors", s.RxCRCErrors},
				counter{"frame_errors", s.RxFrameErrors}, counter{"fifo_errors", s.RxFIFOErrors},
				counter{"missed_errors", s.RxMissedErrors})
			p.nonzero("nohandler", s.RxNoHandler)
			p.nonzero("otherhost", s.RxOtherHost)
		}
	})
	p.object("tx", func() {
		p.counters(counter{"bytes", s.TxBytes}, counter{"packets", s.TxPackets}, counter{"errors", s.TxErrors},
			counter{"dropped", s.TxDropped}, counter{"carrier_errors", s.TxCarrierErrors}, counter{"collisions", s.Collisions})
		p.nonzero("compressed", s.TxCompressed)
		if p.o.Stats > 1 {
			p.counters(counter{"aborted_errors", s.TxAbortedErrors}, counter{"fifo_errors", s.TxFIFOErrors},
				counter{"window_errors", s.TxWindowErrors}, counter{"heartbeat_errors", s.TxHeartbeatErrors},
				counter{"carrier_changes", uint64(s.CarrierChanges)})
		}
	})
}

func (p *printer) nonzero(key string, value uint64) {
	if value != 0 {
		p.num(key, "", value)
	}
}

// columns of the text form: at least as wide as their longest heading.
type columns [8]int

func (p *printer) widen(c *columns, values ...uint64) {
	if p.o.Human {
		return // at most six characters
	}
	for i, v := range values {
		c[i] = max(c[i], len(formatUint(v)))
	}
}

func (p *printer) statsText(s api.LinkStats) {
	rx := []uint64{s.RxBytes, s.RxPackets, s.RxErrors, s.RxDropped, s.RxMissedErrors, s.Multicast, s.RxCompressed}
	rxErr := []uint64{0, s.RxLengthErrors, s.RxCRCErrors, s.RxFrameErrors, s.RxFIFOErrors, s.RxOverErrors, s.RxNoHandler, s.RxOtherHost}
	tx := []uint64{s.TxBytes, s.TxPackets, s.TxErrors, s.TxDropped, s.TxCarrierErrors, s.Collisions, s.TxCompressed}
	txErr := []uint64{0, 0, s.TxAbortedErrors, s.TxFIFOErrors, s.TxWindowErrors, s.TxHeartbeatErrors, uint64(s.CarrierChanges)}

	c := columns{10, 7, 6, 7, 7, 7, 10, 9}
	p.widen(&c, rx...)
	p.widen(&c, tx...)
	if p.o.Stats > 1 {
		p.widen(&c, rxErr...)
		p.widen(&c, txErr...)
	}
	p.mainRows(c, "RX", rx, "missed", "mcast")
	if p.o.Stats > 1 {
		p.nl()
		p.rxErrors(c, rxErr)
	}
	p.nl()
	p.mainRows(c, "TX", tx, "carrier", "collsns")
	if p.o.Stats > 1 {
		p.nl()
		p.txErrors(c, txErr[2:])
	}
}

// mainRows prints heading and values of one direction. The column of compressed
// packets is blank in the heading, and absent below, where there are none.
func (p *printer) mainRows(c columns, dir string, v []uint64, fifth, sixth string) {
	last := ""
	if v[6] != 0 {
		last = "compressed"
	}
	p.say("    %s: %*s %*s %*s %*s %*s %*s %*s", dir, c[0]-4, "bytes", c[1], "packets", c[2], "errors",
		c[3], "dropped", c[4], fifth, c[5], sixth, c[6], last)
	p.nl()
	p.say("    ")
	for i := range 6 {
		p.cell(c[i], v[i])
	}
	if v[6] != 0 {
		p.cell(c[6], v[6])
	}
}

func (p *printer) rxErrors(c columns, v []uint64) {
	p.say("    RX errors:%*s %*s %*s %*s %*s %*s", c[0]-10, "", c[1], "length", c[2], "crc", c[3], "frame", c[4], "fifo", c[5], "overrun")
	if v[6] != 0 {
		p.say("%*s", c[6]+1, " nohandler")
	}
	if v[7] != 0 {
		p.say("%*s", c[7]+1, " otherhost")
	}
	p.nl()
	p.say("%*s", c[0]+5, "")
	for i := 1; i <= 5; i++ {
		p.cell(c[i], v[i])
	}
	for i := 6; i <= 7; i++ {
		if v[i] != 0 {
			p.cell(c[i], v[i])
		}
	}
}

func (p *printer) txErrors(c columns, v []uint64) {
	p.say("    TX errors:%*s %*s %*s %*s %*s %*s", c[0]-10, "", c[1], "aborted", c[2], "fifo", c[3], "window", c[4], "heartbt", c[5], "transns")
	p.nl()
	p.say("%*s", c[0]+5, "")
	for i, n := range v {
		p.cell(c[i+1], n)
	}
}

func (p *printer) cell(width int, n uint64) { p.say("%*s ", width, p.scaled(n)) }

// scaled is a counter, under -human with three digits and a unit.
func (p *printer) scaled(n uint64) string {
	base, mark := uint64(1000), ""
	if p.o.IEC {
		base, mark = 1024, "i"
	}
	if !p.o.Human || n < base {
		return formatUint(n)
	}
	const units = "kMGTPE"
	unit, power := 0, base
	for n/base >= power && unit < len(units)-1 {
		unit++
		power *= base
	}
	digits := 2
	for bound := uint64(10); digits > 0 && n/power >= bound; bound *= 10 {
		digits--
	}
	return fmt.Sprintf("%.*f%c%s", digits, float64(n)/float64(power), units[unit], mark)
}
