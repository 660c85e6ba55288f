package fib

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"testing"
)

// parseSnapshot reads a namespace in lines like ip(8)'s:
//
//	link 2 m0 mtu 1500 up [down] [master 5] [vrf 10] [group 3]
//	addr 10.0.0.1/24 dev m0 [peer A] [secondary] [tentative] [scope N]
//	route [TYPE] PREFIX [from P] [via A] [dev D] [metric N] [tos N] [table N] [src A] [mtu N] [pref N] [dead] [linkdown] [nexthop …]
//	rule 100 [inet6] [not] [from P] [to P] [iif D] [oif D] [fwmark M/M] … lookup N
//	neigh 10.0.0.9 dev m0 lladdr 02:00:00:00:00:09
func parseSnapshot(t testing.TB, text string) Snapshot {
	t.Helper()
	p := parser{t: t, names: map[string]int{}}
	for _, line := range strings.Split(text, "\n") {
		p.words = strings.Fields(strings.SplitN(line, "#", 2)[0])
		if len(p.words) == 0 {
			continue
		}
		switch w := p.next(); w {
		case "link":
			p.link()
		case "addr":
			p.addr()
		case "route":
			p.s.Routes = append(p.s.Routes, p.route())
		case "rule":
			p.rule()
		case "neigh":
			p.s.Neighs = append(p.s.Neighs, Neigh{Dst: p.ip(), Index: p.word("dev").dev()})
		default:
			t.Fatalf("bad line %q", line)
		}
	}
	return p.s
}

type parser struct {
	t     testing.TB
	words []string
	names map[string]int
	s     Snapshot
}

func (p *parser) next() string {
	if len(p.words) == 0 {
		p.t.Fatal("line too short")
	}
	w := p.words[0]
	p.words = p.words[1:]
	return w
}

func (p *parser) more() bool { return len(p.words) > 0 }

func (p *parser) word(w string) *parser {
	if got := p.next(); got != w {
		p.t.Fatalf("%q, want %q", got, w)
	}
	return p
}

func (p *parser) num() int {
	n, err := strconv.ParseInt(p.next(), 0, 64)
	if err != nil {
		p.t.Fatal(err)
	}
	return int(n)
}

func (p *parser) ip() netip.Addr { return netip.MustParseAddr(p.next()) }

func (p *parser) dev() int {
	n := p.next()
	if _, ok := p.names[n]; !ok {
		return 9999
	}
	return p.names[n]
}

func (p *parser) prefix() netip.Prefix { return toPrefix(p.next()) }

func toPrefix(w string) netip.Prefix {
	switch {
	case w == "default":
		return netip.MustParsePrefix("0.0.0.0/0")
	case w == "default6":
		return netip.MustParsePrefix("::/0")
	case strings.Contains(w, "/"):
		return netip.MustParsePrefix(w)
	}
	a := netip.MustParseAddr(w)
	return netip.PrefixFrom(a, a.BitLen())
}

func (p *parser) link() {
	i := Iface{Index: p.num(), Name: p.next(), MTU: 1500, Up: true, Running: true}
	for p.more() {
		switch w := p.next(); w {
		case "mtu":
			i.MTU = uint32(p.num())
		case "down":
			i.Up = false
		case "up":
		case "master":
			i.MasterIndex = p.num()
		case "vrf":
			i.Table = uint32(p.num())
		case "group":
			i.Group = uint32(p.num())
		default:
			p.t.Fatalf("link: %q", w)
		}
	}
	p.names[i.Name] = i.Index
	p.s.Ifaces = append(p.s.Ifaces, i)
}

func (p *parser) addr() {
	a := Addr{Prefix: p.prefix(), Index: p.word("dev").dev()}
	for p.more() {
		switch w := p.next(); w {
		case "peer":
			a.Peer = p.ip()
		case "secondary":
			a.Secondary = true
		case "tentative":
			a.Tentative = true
		case "scope":
			a.Scope = uint8(p.num())
		default:
			p.t.Fatalf("addr: %q", w)
		}
	}
	p.s.Addrs = append(p.s.Addrs, a)
}

func (p *parser) route() Route {
	r := Route{Table: TableMain}
	for i, n := range typeNames {
		if p.words[0] == n {
			r.Type = Type(i)
			p.next()
			break
		}
	}
	if r.Type == Local || r.Type == Broadcast || r.Type == Anycast {
		r.Table = TableLocal
	}
	r.Dst = p.prefix()
	hop := func() *NextHop {
		if len(r.NextHops) == 0 {
			r.NextHops = append(r.NextHops, NextHop{})
		}
		return &r.NextHops[len(r.NextHops)-1]
	}
	fields := map[string]func(){
		"from":     func() { r.Src = p.prefix() },
		"via":      func() { hop().Via = p.ip() },
		"dev":      func() { hop().Index = p.dev() },
		"weight":   func() { hop().Weight = p.num() },
		"dead":     func() { hop().Dead = true },
		"linkdown": func() { hop().LinkDown = true },
		"nexthop":  func() { r.NextHops = append(r.NextHops, NextHop{}) },
		"metric":   func() { r.Metric = uint32(p.num()) },
		"tos":      func() { r.TOS = uint8(p.num()) },
		"table":    func() { r.Table = uint32(p.num()) },
		"src":      func() { r.PrefSrc = p.ip() },
		"mtu":      func() { r.MTU = uint32(p.num()) },
		"pref":     func() { r.Pref = uint8(p.num()) },
	}
	p.all(fields)
	return r
}

func (p *parser) all(fields map[string]func()) {
	for p.more() {
		w := p.next()
		if fields[w] == nil {
			p.t.Fatalf("unknown word %q", w)
		}
		fields[w]()
	}
}

func (p *parser) rule() {
	r := Rule{Family: 4, Priority: uint32(p.num()), SuppressPrefixLen: -1, SuppressGroup: -1}
	p.all(map[string]func(){
		"inet6":                 func() { r.Family = 6 },
		"not":                   func() { r.Invert = true },
		"from":                  func() { r.Src = p.prefix() },
		"to":                    func() { r.Dst = p.prefix() },
		"iif":                   func() { r.IIF = p.next() },
		"oif":                   func() { r.OIF = p.next() },
		"tos":                   func() { r.TOS = uint8(p.num()) },
		"fwmark":                func() { r.Mark, r.MarkMask = uint32(p.num()), uint32(p.num()) },
		"ipproto":               func() { r.IPProto = uint8(p.num()) },
		"dport":                 func() { n := uint16(p.num()); r.DstPort = [2]uint16{n, n} },
		"uidrange":              func() { r.UID = &[2]uint32{uint32(p.num()), uint32(p.num())} },
		"lookup":                func() { r.Table = uint32(p.num()) },
		"goto":                  func() { r.Action, r.Goto = ActionGoto, uint32(p.num()) },
		"nop":                   func() { r.Action = ActionNop },
		"blackhole":             func() { r.Action = ActionBlackhole },
		"unreachable":           func() { r.Action = ActionUnreachable },
		"prohibit":              func() { r.Action = ActionProhibit },
		"l3mdev":                func() { r.L3MDev = true },
		"suppress_prefixlength": func() { r.SuppressPrefixLen = p.num() },
		"suppress_ifgroup":      func() { r.SuppressGroup = p.num() },
	})
	p.s.Rules = append(p.s.Rules, r)
}

// parseQuery reads "DST [from SRC] [mark N] [tos N] [proto N] [oif D] [hash N]".
func parseQuery(t testing.TB, tab *Table, text string) Query {
	p := parser{t: t, words: strings.Fields(text), names: tab.names}
	q := Query{Dst: p.ip()}
	p.all(map[string]func(){
		"from":  func() { q.Src = p.ip() },
		"mark":  func() { q.Mark = uint32(p.num()) },
		"tos":   func() { q.TOS = uint8(p.num()) },
		"proto": func() { q.Proto = uint8(p.num()) },
		"oif":   func() { q.OIF = p.dev() },
		"hash":  func() { q.Hash = uint32(p.num()) },
	})
	return q
}

// show writes a Result as ip(8) would: "via A dev D", "dev D", "local dev D",
// "drop REASON", with "assumed" where no route decided.
func show(tab *Table, q Query, r Result) string {
	name := fmt.Sprint(r.Index)
	if i, ok := tab.Iface(r.Index); ok {
		name = i.Name
	}
	switch {
	case r.Verdict == VerdictDrop:
		return "drop " + r.Reason.String()
	case r.Verdict == VerdictLocal:
		return "local dev " + name
	case r.Assumed:
		return "dev " + name + " assumed"
	case r.NextHop == q.Dst:
		return "dev " + name
	}
	return "via " + r.NextHop.String() + " dev " + name
}

func compile(t testing.TB, text string) *Table {
	t.Helper()
	tab, out, err := Compile(parseSnapshot(t, text))
	if err != nil || out.Total() != 0 {
		t.Fatalf("Compile: %v, left out %+v", err, out)
	}
	return tab
}
