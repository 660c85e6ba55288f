package render

import (
	"fmt"
	"io"
	"math"
	"strconv"

	"github.com/ipvl/ipvl/cmd/internal/api"
)

// Addrs prints "addr show". The request tells which words ip(8) leaves out: a
// family hides the link/ether line, a label the whole link.
func Addrs(w io.Writer, o Options, r api.AddrShow, links []api.Link) error {
	return list(w, o, func(p *printer) {
		for _, l := range links {
			p.object("", func() { p.linkWithAddrs(r, l) })
		}
	})
}

func (p *printer) linkWithAddrs(r api.AddrShow, l api.Link) {
	header := (p.o.Brief || !p.o.Oneline) && r.Label == ""
	if header {
		p.link(l, linkView{queue: true, layer: r.Family == 0})
	}
	p.array("addr_info", func() {
		for _, a := range l.Addrs {
			p.object("", func() { p.addr(l, a, p.o.Oneline) })
		}
	})
	switch {
	case p.o.Brief:
		p.say("\n")
	case header && p.o.Stats > 0 && l.Stats != nil:
		p.linkStats(*l.Stats)
		p.nl()
	}
}

// addr prints one address; withDev puts the link's name before it, where no
// line of the link does.
func (p *printer) addr(l api.Link, a api.Addr, withDev bool) {
	ip, family := a.Prefix.Addr(), "inet"
	if ip.Is6() {
		family = "inet6"
	}
	if !p.o.Brief {
		if withDev {
			p.num("index", "%d: ", uint64(l.Index))
			p.str("dev", "%s", l.Name)
		}
		p.str("family", "    %s ", family)
	}
	p.str("local", "%s", ip.String())
	bits := a.Prefix.Bits()
	if a.Peer.IsValid() && a.Peer.Addr() != ip {
		p.say(" peer ")
		p.str("address", "%s", a.Peer.Addr().String())
		bits = a.Peer.Bits()
	}
	p.num("prefixlen", "/%d ", uint64(max(bits, 0)))
	if a.Metric != 0 {
		p.num("metric", "metric %d ", uint64(a.Metric))
	}
	if p.o.Brief {
		return
	}
	if a.Broadcast.IsValid() {
		p.say("brd ")
		p.str("broadcast", "%s ", a.Broadcast.String())
	}
	p.str("scope", "scope %s ", p.named(api.Scopes, orElse(a.Scope, "global")))
	p.addrFlags(a)
	if a.Label != "" {
		p.str("label", "%s", a.Label)
	}
	p.lifetimes(a)
	if a.Refused && p.o.Details {
		p.nl()
		p.say("       ipvl refused: another device of the master has this address")
		p.object("ipvl", func() { p.yes("refused", "") })
	}
	p.say("\n")
}

const (
	flagSecondary  = 1 << 0 // of IPv6: temporary
	flagDeprecated = 1 << 5
	flagPermanent  = 1 << 7
)

// addrFlagNames are the IFA_F_* words in ip(8)'s order.
var addrFlagNames = []struct {
	bit  uint32
	name string
}{
	{flagSecondary, "secondary"}, {1 << 1, "nodad"}, {1 << 2, "optimistic"}, {1 << 3, "dadfailed"},
	{1 << 4, "home"}, {flagDeprecated, "deprecated"}, {1 << 6, "tentative"}, {flagPermanent, "dynamic"},
	{1 << 8, "mngtmpaddr"}, {1 << 9, "noprefixroute"}, {1 << 10, "autojoin"}, {1 << 11, "stable-privacy"},
}

func (p *printer) addrFlags(a api.Addr) {
	rest := a.Flags
	for _, f := range addrFlagNames {
		name, set := f.name, a.Flags&f.bit != 0
		switch {
		case f.bit == flagPermanent:
			set = !set // shown where it is absent
		case f.bit == flagSecondary && a.Prefix.Addr().Is6():
			name = "temporary"
		}
		if set {
			p.yes(name, name+" ")
		}
		rest &^= f.bit
	}
	if rest != 0 {
		p.str("ifa_flags", "flags %s ", fmt.Sprintf("%02x", rest))
	}
}

func (p *printer) lifetimes(a api.Addr) {
	p.nl()
	p.say("       valid_lft %s", lifetime(a.Valid, false))
	p.num("valid_life_time", "", uint64(a.Valid))
	p.say(" preferred_lft %s", lifetime(a.Preferred, a.Flags&flagDeprecated != 0))
	if a.Flags&flagDeprecated != 0 && a.Preferred != math.MaxUint32 && p.o.JSON {
		p.js.key("preferred_life_time")
		p.js.raw(strconv.Itoa(int(int32(a.Preferred))))
		return
	}
	p.num("preferred_life_time", "", uint64(a.Preferred))
}

// lifetime is the seconds left. What a deprecated address has left to be
// preferred is negative.
func lifetime(seconds uint32, signed bool) string {
	switch {
	case seconds == math.MaxUint32:
		return "forever"
	case signed:
		return strconv.Itoa(int(int32(seconds))) + "sec"
	}
	return formatUint(uint64(seconds)) + "sec"
}

// named gives a name of rtnetlink, under -numeric its number.
func (p *printer) named(space api.Names, name string) string {
	if n, ok := space.Number(name); ok && p.o.Numeric {
		return formatUint(uint64(n))
	}
	return name
}
