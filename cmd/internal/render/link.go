package render

import (
	"io"
	"slices"
	"strconv"
	"syscall"

	"github.com/ipvl/ipvl/cmd/internal/api"
)

// linkView is in which command a link is printed: ip(8) leaves words out by it.
type linkView struct {
	link  bool // ip link: the words mode, alias and addrgenmode, and statistics
	queue bool // not monitor: the word qlen
	layer bool // the link/ether line
}

// Links prints "link show".
func Links(w io.Writer, o Options, links []api.Link) error {
	return list(w, o, func(p *printer) {
		for _, l := range links {
			p.object("", func() { p.link(l, linkView{link: true, queue: true, layer: true}) })
		}
	})
}

func (p *printer) link(l api.Link, v linkView) {
	if p.o.Brief {
		p.linkBrief(l, v)
		return
	}
	p.num("ifindex", "%d: ", uint64(l.Index))
	p.name(l, "%s: ")
	p.linkFlags(l)
	p.num("mtu", "mtu %d ", uint64(l.MTU))
	if l.Qdisc != "" {
		p.str("qdisc", "qdisc %s ", l.Qdisc)
	}
	if l.UpperName != "" {
		p.str("master", "master %s ", l.UpperName)
	}
	p.str("operstate", "state %s ", l.OperState)
	if v.link {
		p.str("linkmode", "mode %s ", orElse(l.LinkMode, "DEFAULT"))
	}
	p.str("group", "group %s ", p.groupName(l.Group))
	if v.queue && l.TxQLen != 0 {
		p.num("txqlen", "qlen %d", uint64(l.TxQLen))
	}
	if v.layer || p.o.Details {
		p.layer(l)
	}
	p.parentNetns(l)
	if p.o.Details {
		p.linkDetails(l, v)
	}
	if (v.link || p.o.Details) && l.Alias != "" {
		p.nl()
		p.str("ifalias", "    alias %s", l.Alias)
	}
	if v.link && p.o.Stats > 0 && l.Stats != nil {
		p.nl()
		p.linkStats(*l.Stats)
	}
	p.altNames(l.AltNames)
	if p.o.Details {
		p.ours(l)
	}
	p.say("\n")
}

func (p *printer) linkBrief(l api.Link, v linkView) {
	p.name(l, "%-16s ")
	p.str("operstate", "%-14s ", l.OperState)
	if !v.link {
		return // the addresses follow
	}
	if l.Address != "" {
		p.str("address", "%s ", l.Address)
	}
	p.linkFlags(l)
	p.say("\n")
}

// name prints NAME, or NAME@BELOW. JSON has what is below in a key before it.
func (p *printer) name(l api.Link, format string) {
	name, below := l.Name, ""
	away := l.ParentNetnsID != nil || l.ParentNetns != ""
	switch {
	case l.Parent == "NONE":
		below = "NONE"
		if p.o.JSON {
			p.null("link", "")
		}
	case away && l.ParentIndex != 0:
		below = "if" + strconv.Itoa(l.ParentIndex)
		p.num("link_index", "", uint64(l.ParentIndex))
	case l.Parent != "" || l.ParentIndex != 0:
		below = orElse(l.Parent, "if"+strconv.Itoa(l.ParentIndex))
		p.str("link", "", below)
	}
	if below != "" && !p.o.JSON {
		name += "@" + below
	}
	p.str("ifname", format, name)
}

// flagNames are the IFF_* words in ip(8)'s order. IFF_RUNNING shows as the
// absence of NO-CARRIER.
var flagNames = []struct {
	bit  uint32
	name string
}{
	{syscall.IFF_LOOPBACK, "LOOPBACK"}, {syscall.IFF_BROADCAST, "BROADCAST"},
	{syscall.IFF_POINTOPOINT, "POINTOPOINT"}, {syscall.IFF_MULTICAST, "MULTICAST"},
	{syscall.IFF_NOARP, "NOARP"}, {syscall.IFF_ALLMULTI, "ALLMULTI"}, {syscall.IFF_PROMISC, "PROMISC"},
	{syscall.IFF_MASTER, "MASTER"}, {syscall.IFF_SLAVE, "SLAVE"}, {syscall.IFF_DEBUG, "DEBUG"},
	{syscall.IFF_DYNAMIC, "DYNAMIC"}, {syscall.IFF_AUTOMEDIA, "AUTOMEDIA"}, {syscall.IFF_PORTSEL, "PORTSEL"},
	{syscall.IFF_NOTRAILERS, "NOTRAILERS"}, {syscall.IFF_UP, "UP"},
	{1 << 16, "LOWER_UP"}, {1 << 17, "DORMANT"}, {1 << 18, "ECHO"},
}

func (p *printer) linkFlags(l api.Link) {
	var words []string
	if l.Flags&syscall.IFF_UP != 0 && l.Flags&syscall.IFF_RUNNING == 0 {
		words = append(words, "NO-CARRIER")
	}
	rest := l.Flags &^ syscall.IFF_RUNNING
	for _, f := range flagNames {
		if rest&f.bit != 0 {
			words = append(words, f.name)
			rest &^= f.bit
		}
	}
	if rest != 0 {
		words = append(words, strconv.FormatUint(uint64(rest), 16))
	}
	if l.ParentDown {
		words = append(words, "M-DOWN")
	}
	p.say("<")
	p.array("flags", func() {
		for i, w := range words {
			if p.o.JSON {
				p.js.str(w)
				continue
			}
			if i > 0 {
				p.say(",")
			}
			p.say("%s", w)
		}
	})
	p.say("> ")
}

// layer prints the line of link-layer addresses.
func (p *printer) layer(l api.Link) {
	p.nl()
	p.str("link_type", "    link/%s ", p.linkType(l.LinkType))
	if l.Address != "" {
		p.str("address", "%s", l.Address)
	}
	if l.Broadcast != "" {
		if l.Flags&syscall.IFF_POINTOPOINT != 0 {
			p.yes("link_pointtopoint", " peer ")
		} else {
			p.say(" brd ")
		}
		p.str("broadcast", "%s", l.Broadcast)
	}
	if l.PermAddr != "" && l.PermAddr != l.Address {
		p.say(" permaddr ")
		p.str("permaddr", "%s", l.PermAddr)
	}
}

// parentNetns tells in which namespace what is below lives. JSON has the id alone.
func (p *printer) parentNetns(l api.Link) {
	switch {
	case l.ParentNetnsID != nil && p.o.JSON:
		p.js.key("link_netnsid")
		p.js.raw(strconv.Itoa(*l.ParentNetnsID))
	case l.ParentNetns != "":
		p.str("", " link-netns %s", l.ParentNetns)
	case l.ParentNetnsID != nil && *l.ParentNetnsID < 0:
		p.say(" link-netnsid unknown")
	case l.ParentNetnsID != nil:
		p.say(" link-netnsid %d", *l.ParentNetnsID)
	}
}

func (p *printer) altNames(names []string) {
	if len(names) == 0 {
		return
	}
	format := "\n    altname %s"
	if p.o.Oneline {
		format = "\\    altname %s"
	}
	p.words("altnames", format, names)
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// linkTypes are the ARPHRD_* numbers that -N shows.
var linkTypes = map[string]int{"ether": 1, "ax25": 3, "infiniband": 32, "ppp": 512, "ipip": 768, "tunnel6": 769,
	"loopback": 772, "sit": 776, "gre": 778, "gre6": 823, "netlink": 824, "none": 65534, "void": 65535}

func (p *printer) linkType(name string) string {
	if n, ok := linkTypes[name]; ok && p.o.Numeric {
		return "[" + strconv.Itoa(n) + "]"
	}
	return name
}

func (p *printer) groupName(group uint32) string {
	if p.o.Numeric {
		return strconv.FormatUint(uint64(group), 10)
	}
	return api.Groups.Name(group)
}

// sortedKeys makes a map's order one that can be read and compared.
func sortedKeys(m map[string]uint64) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
