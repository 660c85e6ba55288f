package render

import (
	"io"
	"time"

	"github.com/ipvl/ipvl/cmd/internal/api"
)

// Event prints one line of monitor; now is what -timestamp shows. Under -json it
// is one object on one line, with the object as its first key: ip(8) of 6.1
// prints text there. -brief and -oneline mean what they mean in show.
func Event(w io.Writer, o Options, e api.Event, now time.Time) error {
	o.Pretty = false
	p := newPrinter(o)
	label, key, body := p.event(e)
	if body == nil {
		return nil
	}
	switch {
	case o.ShortStamp:
		p.say("[%s] ", now.Format("2006-01-02T15:04:05.000000"))
	case o.Timestamp:
		p.say("Timestamp: %s %d usec\n", now.Format("Mon Jan _2 15:04:05 2006"), now.Nanosecond()/1000)
	}
	if o.Label {
		p.say("%s", label)
	}
	p.object("", func() {
		p.str("event", "", key)
		if o.Timestamp || o.ShortStamp {
			p.str("timestamp", "", now.Format("2006-01-02T15:04:05.000000"))
		}
		if e.NetnsID != nil && o.JSON {
			p.num("netnsid", "", uint64(max(*e.NetnsID, 0)))
		}
		if e.Deleted {
			p.yes("deleted", "Deleted ")
		}
		body()
	})
	if o.JSON {
		p.js.b.WriteByte('\n')
	}
	return p.flush(w)
}

func (p *printer) event(e api.Event) (label, key string, body func()) {
	switch {
	case e.Link != nil:
		return "[LINK]", "link", func() {
			p.link(*e.Link, linkView{layer: true})
			if p.o.Brief {
				p.say("\n")
			}
		}
	case e.Addr != nil:
		return "[ADDR]", "addr", func() {
			for _, a := range e.Addr.Addrs {
				p.addr(*e.Addr, a, true)
			}
			if p.o.Brief {
				p.say("\n")
			}
		}
	case e.Route != nil:
		return "[ROUTE]", "route", func() { p.route(*e.Route, routeView{all: true}) }
	case e.Neigh != nil:
		return "[NEIGH]", "neigh", func() { p.neigh(*e.Neigh, true) }
	}
	return "", "", nil
}
