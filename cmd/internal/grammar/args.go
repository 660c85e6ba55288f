package grammar

import (
	"strconv"

	"github.com/ipvl/ipvl/cmd/internal/api"
)

// Args is the command as an argument list in canonical form: Parse gives the
// same value for it.
func (c Command) Args() []string {
	l := &lister{}
	switch r := c.Request.(type) {
	case Version:
		return []string{"-Version"}
	case Help:
		return r.args()
	case api.LinkAdd:
		l.options(c.Options).add("link", "add").linkAdd(r)
	case api.LinkSet:
		l.options(c.Options).add("link", "set").linkSet(r)
	case api.LinkDel:
		l.options(c.Options).add("link", "delete", "dev", r.Name).word("type", r.Kind)
	case api.LinkShow:
		l.options(c.Options).add("link", "show").filter(r.Name, r.Up, r.Kind, r.Master, r.NoMaster, r.Group)
	case api.AddrShow:
		l.options(c.Options).add("address", "show").filter(r.Name, r.Up, r.Kind, r.Master, r.NoMaster, r.Group).addrShow(r)
	case api.RouteShow:
		l.options(c.Options).add("route", "show").routeShow(r)
	case api.RouteGet:
		l.options(c.Options).add("route", "get").routeGet(r)
	case api.NeighShow:
		l.options(c.Options).add("neighbour", "show").neighShow(r)
	case api.Monitor:
		l.options(c.Options).add("monitor").monitor(r, c.Options.Label)
	case api.RuleShow:
		l.options(c.Options).add(string(r.Table), "show")
		l.flag(string(r.Chain), r.Chain != "")
	case api.RuleChange:
		l.options(c.Options).ruleChange(r)
	}
	return l.args
}

func (h Help) args() []string {
	switch {
	case h.Object == "":
		return []string{"help"}
	case h.Kind != "":
		return []string{"link", "help", h.Kind}
	}
	return []string{h.Object, "help"}
}

// lister collects words.
type lister struct{ args []string }

func (l *lister) add(words ...string) *lister {
	l.args = append(l.args, words...)
	return l
}

// word adds a key and its value, unless that is empty.
func (l *lister) word(key, value string) *lister {
	if value != "" {
		l.add(key, value)
	}
	return l
}

func (l *lister) flag(key string, set bool) *lister {
	if set {
		l.add(key)
	}
	return l
}

func (l *lister) number(key string, n int) *lister {
	if n != 0 {
		l.add(key, strconv.Itoa(n))
	}
	return l
}

func (l *lister) text(key string, value *string) *lister {
	if value != nil {
		l.add(key, *value)
	}
	return l
}

func (l *lister) onOff(key string, value *bool) *lister {
	if value != nil {
		l.add(key, map[bool]string{true: "on", false: "off"}[*value])
	}
	return l
}

func (l *lister) integer(key string, value *int) *lister {
	if value != nil {
		l.add(key, strconv.Itoa(*value))
	}
	return l
}

func (l *lister) unsigned(key string, value *uint32) *lister {
	if value != nil {
		l.add(key, strconv.FormatUint(uint64(*value), 10))
	}
	return l
}

func (l *lister) options(o Options) *lister {
	l.word("-socket", o.Socket).word("-netns", o.Netns)
	l.flag("-4", o.Family == 4).flag("-6", o.Family == 6)
	l.flag("-human", o.Human).flag("-iec", o.IEC).flag("-Numeric", o.Numeric)
	for range o.Stats {
		l.add("-statistics")
	}
	l.flag("-details", o.Details).flag("-oneline", o.Oneline).flag("-brief", o.Brief)
	l.flag("-timestamp", o.Timestamp).flag("-tshort", o.ShortStamp)
	return l.flag("-json", o.JSON).flag("-pretty", o.Pretty)
}

func (l *lister) linkAdd(r api.LinkAdd) {
	l.word("link", r.Master).word("name", r.Name).word("netns", r.TargetNetns)
	l.word("address", r.Address).word("broadcast", r.Broadcast)
	l.number("mtu", r.MTU).number("index", r.Index).number("txqueuelen", r.TxQLen)
	l.number("numtxqueues", r.NumTxQueues).number("numrxqueues", r.NumRxQueues)
	l.flag("up", r.Up).kind(r.Kind, r.Mode, r.Flag, r.Options)
}

func (l *lister) linkSet(r api.LinkSet) {
	l.add("dev", r.Name)
	if r.Up != nil {
		l.add(map[bool]string{true: "up", false: "down"}[*r.Up])
	}
	l.text("name", r.NewName).text("alias", r.Alias).text("netns", r.TargetNetns).text("address", r.Address)
	l.integer("mtu", r.MTU).integer("txqueuelen", r.TxQLen)
	l.onOff("arp", r.ARP).onOff("multicast", r.Multicast).onOff("allmulticast", r.AllMulticast).onOff("promisc", r.Promisc)
	if r.Master != nil && *r.Master == "" {
		l.add("nomaster")
	} else {
		l.text("master", r.Master)
	}
	l.text("addrgenmode", r.AddrGenMode).kind(r.Kind, r.Mode, r.Flag, r.Options)
}
