package grammar

import "github.com/ipvl/ipvl/cmd/internal/api"

func linkSet(o *Options, s *scanner) (any, error) {
	w, err := parseLinkWords(s)
	if err != nil {
		return orHelp(nil, err)
	}
	if w.index != nil && w.netns == nil {
		return nil, syntax(ExitUsage, "index can be used only when creating devices or when moving device to another netns.")
	}
	if err := w.checkExisting(); err != nil {
		return nil, err
	}
	if w.index != nil {
		return nil, unsupported(`"index" with "netns"`)
	}
	if w.addOnly != "" {
		return nil, refuse(`"%s" is for "link add" alone.`, w.addOnly)
	}
	kind, err := parseKind(w.kindArgs)
	if err != nil {
		return nil, err
	}
	r := api.LinkSet{Scope: o.scope(), Name: *w.dev, Up: w.up, MTU: w.mtu, Alias: w.alias, TargetNetns: w.netns,
		ARP: w.arp, Multicast: w.multicast, AllMulticast: w.allMulticast, Promisc: w.promisc, TxQLen: w.txqlen,
		Address: w.address, Master: w.master, AddrGenMode: w.genMode, Kind: deref(w.kind), Mode: kind.mode, Flag: kind.flag,
		Options: kind.options}
	if *w.name != *w.dev {
		r.NewName = w.name
	}
	return r, nil
}
