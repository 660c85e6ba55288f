package hooks

import "sync/atomic"

// Stats is a reading of the Engine's counters, of frames unless it says
// otherwise.
type Stats struct {
	Conns        int    // connections tracked now
	FilterIn     uint64 // dropped by INPUT
	FilterOut    uint64 // dropped by OUTPUT
	TableFull    uint64 // dropped: one connection more than MaxConns
	Conflict     uint64 // dropped: no port was free, or another connection has the answer's addresses
	NoSource     uint64 // dropped: masquerade, and the master has no address of the family
	Untranslated uint64 // dropped: a rule translates it, and it cannot be tracked
	Malformed    uint64 // dropped: headers contradict themselves
	Held         uint64 // fragments that wait, or waited
	FragDropped  uint64 // fragments dropped: they overlap, were too many, or came too early
}

type dropCounter = atomic.Uint64

type counters struct {
	filterIn, filterOut, tableFull, conflict, noSource, untranslated, malformed, held, fragDropped dropCounter
}

// Stats reads the counters. Each is exact; together they are not of one
// moment.
func (e *Engine) Stats() Stats {
	c := &e.count
	return Stats{
		Conns:    int(e.flows.count.Load()),
		FilterIn: c.filterIn.Load(), FilterOut: c.filterOut.Load(), TableFull: c.tableFull.Load(), Conflict: c.conflict.Load(),
		NoSource: c.noSource.Load(), Untranslated: c.untranslated.Load(), Malformed: c.malformed.Load(),
		Held: c.held.Load(), FragDropped: c.fragDropped.Load(),
	}
}
