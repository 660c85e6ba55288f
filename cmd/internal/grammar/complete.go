package grammar

import (
	"slices"
	"strings"

	"github.com/ipvl/ipvl/stack/rules"
)

// Complete gives what the last of words may become, sorted: options, objects,
// verbs and keywords, in full. Names of devices are not known here.
func Complete(words []string) []string {
	if len(words) == 0 {
		words = []string{""}
	}
	last, before := words[len(words)-1], words[:len(words)-1]
	var out []string
	for _, w := range candidates(&scanner{args: before}) {
		if strings.HasPrefix(w, last) {
			out = append(out, w)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// candidates is every word that may follow what s holds.
func candidates(s *scanner) []string {
	p := &optionParser{}
	if p.options(s) != nil {
		return nil // an option waits for its value, or is none
	}
	name, ok := s.next()
	if !ok {
		return append(optionNames(), objectNames()...)
	}
	object := resolve(name, objectNames())
	if object == "monitor" {
		return append(names(monitorTable()), "dev")
	}
	name, ok = s.next()
	if !ok {
		return verbNames(object)
	}
	if object == "filter" || object == "nat" {
		return ruleCandidates(rules.Table(object), resolve(name, verbNames(object)), s)
	}
	rest := s.rest()
	if len(rest) > 0 {
		if values, known := valuesOf(rest[len(rest)-1], rest); known {
			return values
		}
	}
	return wordsOf(object, resolve(name, verbNames(object)))
}

// resolve is the word that an abbreviation means, by order.
func resolve(arg string, words []string) string {
	for _, w := range words {
		if abbreviates(arg, w) {
			return w
		}
	}
	return ""
}

func optionNames() []string {
	var out []string
	for _, o := range optionTable() {
		out = append(out, o.name)
	}
	return out
}

func objectNames() []string {
	return []string{"address", "route", "neighbour", "link", "monitor", "help", "filter", "nat"}
}

func verbNames(object string) []string {
	switch object {
	case "link":
		return []string{"add", "set", "delete", "show", "help"}
	case "route":
		return []string{"show", "get", "help"}
	case "address", "neighbour":
		return []string{"show", "help"}
	case "filter":
		return []string{"add", "insert", "delete", "flush", "policy", "show", "help"}
	case "nat":
		return []string{"add", "insert", "delete", "flush", "show", "help"}
	}
	return nil
}

// valuesOf is what may follow a word that takes one of a few values, or a
// name that only the system knows (none).
func valuesOf(word string, rest []string) (values []string, known bool) {
	switch word {
	case "type":
		return []string{"ipvlan"}, true
	case "mode":
		return []string{"l2", "l3", "l3s"}, true
	case "arp", "multicast", "allmulticast", "promisc":
		return []string{"on", "off"}, true
	case "addrgenmode":
		return []string{"eui64", "none", "stable_secret", "random"}, true
	case "table":
		return []string{"all", "main", "local", "default"}, true
	case "nud":
		return append([]string{"all", "none"}, neighStates...), true
	case "dev", "link", "name", "master", "vrf", "netns", "mtu", "oif", "address", "alias", "to", "from":
		return nil, true
	case "ipvlan":
		return kindNames(), slices.Contains(rest, "type")
	}
	if slices.Contains(rest, "type") && slices.Contains(rest, "ipvlan") {
		return kindValues(word), true
	}
	return nil, false
}

// kindValues is what may follow a word of the type: its values, or the others.
func kindValues(word string) []string {
	switch word {
	case "lookup":
		return []string{"kernel", "full"}
	case "allow":
		return []string{"any"}
	case "proxy", "announce", "guard", "host", "isolate":
		return []string{"on", "off"}
	}
	return kindNames()
}

func kindNames() []string {
	return append([]string{"mode", "bridge", "private", "vepa"}, optionWords()...)
}

func wordsOf(object, verb string) []string {
	switch object + " " + verb {
	case "link add", "link set", "link delete":
		return append(names(linkWordTable()), "dev", "type")
	case "link show":
		return []string{"dev", "up", "type", "master", "nomaster", "vrf", "group"}
	case "address show":
		return append(names(showTable()), "dev", "permanent", "dynamic", "secondary", "primary", "tentative", "deprecated")
	case "route show":
		return append(names(routeTable(&scanner{})), "root", "match", "exact")
	case "route get":
		return names(getTable())
	case "neighbour show":
		return []string{"dev", "to", "nud"}
	}
	return nil
}

// names are the words of a table that do something here.
func names[T any](table []word[T]) []string {
	var out []string
	for _, w := range table {
		if !w.theirs {
			out = append(out, w.name)
		}
	}
	return out
}
