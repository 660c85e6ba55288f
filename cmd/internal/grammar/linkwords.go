package grammar

import "strings"

// linkWordTable is the words of link add, set and delete, but for type and the
// device, in ip's order.
func linkWordTable() []word[*linkWords] {
	yes, no := true, false
	table := []word[*linkWords]{
		{name: "up", flag: true, take: func(w *linkWords, _ string) error { w.up = &yes; return nil }},
		{name: "down", flag: true, take: func(w *linkWords, _ string) error { w.up = &no; return nil }},
		{name: "name", take: (*linkWords).takeName},
		{name: "index", take: takeIndex},
		{name: "link", short: true, take: addWord("link", func(w *linkWords, v string) error { w.link = &v; return nil })},
		{name: "address", short: true, take: takeLinkAddr("address", func(w *linkWords) **string { return &w.address })},
		{name: "broadcast", short: true, take: addWord("broadcast", takeLinkAddr("broadcast", broadcastOf))},
		{name: "brd", take: addWord("broadcast", takeLinkAddr("broadcast", broadcastOf))},
	}
	for _, name := range []string{"txqueuelen", "qlen", "txqlen"} {
		table = append(table, word[*linkWords]{name: name, short: name != "qlen",
			take: takeInt("txqueuelen", func(w *linkWords) **int { return &w.txqlen })})
	}
	table = append(table, word[*linkWords]{name: "mtu", take: takeInt("mtu", func(w *linkWords) **int { return &w.mtu })})
	table = append(table, theirWords("xdpgeneric", "xdpdrv", "xdpoffload", "xdp")...)
	table = append(table, word[*linkWords]{name: "netns", take: takeNetns})
	table = append(table, switchWords()...)
	table = append(table, theirWords("trailers", "carrier", "vf")...)
	table = append(table,
		word[*linkWords]{name: "master", short: true, take: takeMaster("master")},
		word[*linkWords]{name: "vrf", take: takeMaster("vrf")},
		word[*linkWords]{name: "nomaster", short: true, flag: true, take: func(w *linkWords, _ string) error {
			none := ""
			w.master, w.setOnly = &none, "nomaster"
			return nil
		}})
	table = append(table, theirAbbreviated("dynamic"))
	return append(table, linkWordsTail()...)
}

// linkWordsTail is what ip(8) compares after type.
func linkWordsTail() []word[*linkWords] {
	table := []word[*linkWords]{{name: "alias", short: true, take: takeAlias}}
	table = append(table, theirWords("group", "mode", "state")...)
	table = append(table,
		word[*linkWords]{name: "numtxqueues", short: true,
			take: addWord("numtxqueues", takeInt("numtxqueues", func(w *linkWords) **int { return &w.numTx }))},
		word[*linkWords]{name: "numrxqueues", short: true,
			take: addWord("numrxqueues", takeInt("numrxqueues", func(w *linkWords) **int { return &w.numRx }))},
		word[*linkWords]{name: "addrgenmode", short: true, take: takeGenMode},
		theirAbbreviated("link-netns"), theirAbbreviated("link-netnsid"))
	return append(table, theirWords("protodown", "protodown_reason", "gso_max_size", "gso_max_segs", "gro_max_size", "parentdev")...)
}

type linkTake = func(w *linkWords, v string) error

// addWord marks a word that only link add has.
func addWord(name string, take linkTake) linkTake {
	return func(w *linkWords, v string) error {
		w.addOnly = name
		return take(w, v)
	}
}

// theirWords are words of ip(8) that the appliance has no use for.
func theirWords(names ...string) []word[*linkWords] {
	out := make([]word[*linkWords], len(names))
	for i, name := range names {
		out[i] = word[*linkWords]{name: name, theirs: true, take: func(*linkWords, string) error { return unsupported(`"` + name + `"`) }}
	}
	return out
}

func theirAbbreviated(name string) word[*linkWords] {
	w := theirWords(name)[0]
	w.short = true
	return w
}

// switchWords are the on|off words.
func switchWords() []word[*linkWords] {
	field := []struct {
		name string
		of   func(w *linkWords) **bool
	}{
		{"multicast", func(w *linkWords) **bool { return &w.multicast }},
		{"allmulticast", func(w *linkWords) **bool { return &w.allMulticast }},
		{"promisc", func(w *linkWords) **bool { return &w.promisc }},
		{"arp", func(w *linkWords) **bool { return &w.arp }},
	}
	var out []word[*linkWords]
	for _, f := range field {
		out = append(out, word[*linkWords]{name: f.name, take: func(w *linkWords, v string) error {
			on, err := onOff(f.name, v)
			*f.of(w), w.setOnly = &on, f.name
			return err
		}})
	}
	return out
}

func broadcastOf(w *linkWords) **string { return &w.broadcast }

func takeLinkAddr(name string, of func(w *linkWords) **string) linkTake {
	return func(w *linkWords, v string) error {
		addr, err := linkAddr(v)
		*of(w) = &addr
		return err
	}
}

func takeInt(name string, of func(w *linkWords) **int) linkTake {
	return func(w *linkWords, v string) error {
		if *of(w) != nil {
			return duplicate(name, v)
		}
		n, ok := integer(v)
		if !ok {
			return invalid(v, `Invalid "`+name+`" value`)
		}
		*of(w) = &n
		return nil
	}
}

func takeIndex(w *linkWords, v string) error {
	if w.index != nil {
		return duplicate("index", v)
	}
	n, ok := integer(v)
	if !ok || n <= 0 {
		return invalid(v, `Invalid "index" value`)
	}
	w.index = &n
	return nil
}

// takeNetns takes a name, a PID or a path: whether there is such a namespace is
// for the appliance to say.
func takeNetns(w *linkWords, v string) error {
	if w.netns != nil {
		return duplicate("netns", v)
	}
	if v == "" || strings.Contains(v, "\x00") {
		return invalid(v, `Invalid "netns" value`)
	}
	w.netns = &v
	return nil
}

func takeMaster(name string) linkTake {
	return func(w *linkWords, v string) error {
		if v == "" {
			return invalid(v, "Device does not exist")
		}
		w.master, w.setOnly = &v, name
		return nil
	}
}

func takeAlias(w *linkWords, v string) error {
	if len(v) > 255 {
		return invalid(v, "alias too long")
	}
	w.alias, w.setOnly = &v, "alias"
	return nil
}

func takeGenMode(w *linkWords, v string) error {
	mode := strings.ToLower(v)
	switch mode {
	case "eui64", "none", "stable_secret", "random":
		w.genMode, w.setOnly = &mode, "addrgenmode"
		return nil
	}
	return invalid(v, "Invalid address generation mode")
}
