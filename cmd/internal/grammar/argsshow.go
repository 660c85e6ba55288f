package grammar

import (
	"strconv"
	"strings"

	"github.com/ipvl/ipvl/cmd/internal/api"
)

func (l *lister) filter(name string, up bool, kind, master string, noMaster bool, group *uint32) *lister {
	l.word("dev", name).flag("up", up).word("type", kind).word("master", master).flag("nomaster", noMaster)
	return l.unsigned("group", group)
}

func (l *lister) addrShow(r api.AddrShow) {
	if r.To.IsValid() {
		l.add("to", r.To.String())
	}
	l.word("scope", r.AScope).word("label", r.Label)
	seen := uint32(0)
	for _, f := range addrFlags {
		if r.FlagMask&f.bit == 0 || seen&f.bit != 0 {
			continue
		}
		seen |= f.bit
		name := f.name
		if r.Flags&f.bit == 0 {
			name = "-" + name
		}
		l.add(name)
	}
}

func (l *lister) routeShow(r api.RouteShow) {
	l.word("table", r.Table).word("dev", r.Dev).word("type", r.Type).word("protocol", r.Protocol).word("scope", r.RScope)
	if r.TOS != nil {
		l.add("tos", strconv.FormatUint(uint64(*r.TOS), 16))
	}
	l.unsigned("metric", r.Metric)
	if r.Via != "" {
		family := "inet"
		if strings.Contains(r.Via, ":") {
			family = "inet6"
		}
		l.add("via", family, r.Via)
	}
	l.word("src", r.PrefSrc)
	if r.Prefix != "" {
		match := r.Match
		if match == "" {
			match = "exact"
		}
		l.add("to", match, r.Prefix)
	}
}

func (l *lister) routeGet(r api.RouteGet) {
	l.add("to", r.Dst.String())
	if r.Src.IsValid() {
		l.add("from", r.Src.String())
	}
	if r.TOS != 0 {
		l.add("tos", strconv.FormatUint(uint64(r.TOS), 16))
	}
	l.number("mark", int(r.Mark)).word("oif", r.OIF)
}

func (l *lister) neighShow(r api.NeighShow) {
	l.word("dev", r.Dev).word("to", r.Dst)
	for _, state := range r.States {
		l.add("nud", strings.ToLower(state))
	}
}

func (l *lister) monitor(r api.Monitor, label bool) {
	l.flag("label", label)
	for _, object := range r.Objects {
		if object == "addr" {
			object = "address"
		}
		l.add(object)
	}
	l.word("dev", r.Dev)
}
