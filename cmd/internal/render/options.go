package render

import (
	"net/netip"

	"github.com/ipvl/ipvl/cmd/internal/api"
)

// options prints what differs from the kernel's driver, in words that can be
// given to link set. Without any the output is that of ip(8).
func (p *printer) options(o api.Options) {
	if o.Lookup != nil && *o.Lookup != "kernel" {
		p.str("lookup", "lookup %s ", *o.Lookup)
	}
	for _, sw := range o.Switches() {
		if on := *sw.On; on != nil && *on {
			p.yes(sw.Name, sw.Name+" on ")
		}
	}
	if o.Allow != nil && len(*o.Allow) > 0 {
		p.say("allow ")
		p.words("allow", "%s ", AllowWords(*o.Allow))
	}
}

// AllowWords are the words after "allow": addresses and prefixes, or any.
func AllowWords(list []netip.Prefix) []string {
	if len(list) == 0 {
		return []string{"any"}
	}
	out := make([]string, len(list))
	for i, p := range list {
		out[i] = prefixWord(p)
	}
	return out
}

// prefixWord is an address where the prefix is of one.
func prefixWord(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}
