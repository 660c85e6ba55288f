package render

import (
	"io"

	"github.com/ipvl/ipvl/cmd/internal/api"
)

// Neighs prints "neigh show". A device in the request is not repeated.
func Neighs(w io.Writer, o Options, r api.NeighShow, neighs []api.Neigh) error {
	return list(w, o, func(p *printer) {
		for _, n := range neighs {
			p.object("", func() { p.neigh(n, r.Dev == "") })
		}
	})
}

func (p *printer) neigh(n api.Neigh, withDev bool) {
	if p.o.Brief {
		p.neighBrief(n, withDev)
		return
	}
	p.str("dst", "%s ", n.Dst.String())
	if withDev && n.Dev != "" {
		p.str("dev", "dev %s ", n.Dev)
	}
	if n.LLAddr != "" {
		p.str("lladdr", "lladdr %s ", n.LLAddr)
	}
	if n.Router {
		p.null("router", "router ")
	}
	if p.o.Stats > 0 && n.Stats != nil {
		p.neighStats(*n.Stats)
	}
	if n.State != "" && n.State != "NONE" {
		p.words("state", "%s ", []string{n.State})
	}
	p.say("\n")
}

func (p *printer) neighBrief(n api.Neigh, withDev bool) {
	p.str("dst", "%-39s ", n.Dst.String())
	if withDev && n.Dev != "" {
		p.str("dev", "%-16s ", n.Dev)
	}
	if n.LLAddr != "" {
		p.str("lladdr", "%s", n.LLAddr)
	}
	p.say("\n")
}

func (p *printer) neighStats(s api.NeighStats) {
	if s.Refs != 0 {
		p.num("refcnt", " ref %d", uint64(s.Refs))
	}
	p.num("used", " used %d", uint64(s.Used))
	p.num("confirmed", "/%d", uint64(s.Confirmed))
	p.num("updated", "/%d", uint64(s.Updated))
	p.num("probes", "probes %d ", uint64(s.Probes))
}
