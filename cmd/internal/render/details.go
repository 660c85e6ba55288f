package render

import "github.com/ipvl/ipvl/cmd/internal/api"

// linkDetails prints what -details adds to a link.
func (p *printer) linkDetails(l api.Link, v linkView) {
	p.num("promiscuity", " promiscuity %d ", uint64(l.Promiscuity))
	p.num("allmulti", " allmulti %d ", uint64(l.AllMulti))
	p.num("min_mtu", "minmtu %d ", uint64(l.MinMTU))
	p.num("max_mtu", "maxmtu %d ", uint64(l.MaxMTU))
	if l.Kind != "" {
		p.object("linkinfo", func() { p.linkKind(l) })
	}
	if v.link && l.AddrGenMode != "" {
		p.str("inet6_addr_gen_mode", "addrgenmode %s ", l.AddrGenMode)
	}
	for _, f := range []struct {
		key, format string
		value       uint64
	}{
		{"num_tx_queues", "numtxqueues %d ", uint64(l.NumTxQueues)},
		{"num_rx_queues", "numrxqueues %d ", uint64(l.NumRxQueues)},
		{"gso_max_size", "gso_max_size %d ", uint64(l.GSOMaxSize)},
		{"gso_max_segs", "gso_max_segs %d ", uint64(l.GSOMaxSegs)},
		{"tso_max_size", "tso_max_size %d ", uint64(l.TSOMaxSize)},
		{"tso_max_segs", "tso_max_segs %d ", uint64(l.TSOMaxSegs)},
		{"gro_max_size", "gro_max_size %d ", uint64(l.GROMaxSize)},
	} {
		if f.value != 0 { // 0: the kernel did not say
			p.num(f.key, f.format, f.value)
		}
	}
	if l.ParentBus != "" {
		p.str("parentbus", "parentbus %s ", l.ParentBus)
	}
	if l.ParentDev != "" {
		p.str("parentdev", "parentdev %s ", l.ParentDev)
	}
}

func (p *printer) linkKind(l api.Link) {
	p.nl()
	p.str("info_kind", "    %s ", l.Kind)
	if l.Mode == "" && l.Flag == "" && l.Options == nil {
		return
	}
	p.object("info_data", func() {
		if l.Mode != "" {
			p.str("mode", " mode %s ", l.Mode)
		}
		if l.Flag != "" {
			p.yes(l.Flag, l.Flag+" ")
		}
		if l.Options != nil {
			p.options(*l.Options)
		}
	})
}

// ours prints what only the appliance knows, on a line of its own.
func (p *printer) ours(l api.Link) {
	if l.Backend == "" && l.DevID == 0 && len(l.Drops) == 0 {
		return
	}
	p.nl()
	p.say("    ipvl ")
	p.object("ipvl", func() {
		if l.Backend != "" {
			p.str("backend", "backend %s ", l.Backend)
		}
		if l.IO != "" {
			p.str("io", "io %s ", l.IO)
		}
		p.num("dev_id", "dev_id %d ", uint64(l.DevID))
		if len(l.Drops) == 0 {
			return
		}
		p.say("drops ")
		p.object("drops", func() {
			for _, reason := range sortedKeys(l.Drops) {
				p.say("%s ", printable(reason))
				p.num(reason, "%d ", l.Drops[reason])
			}
		})
	})
}
