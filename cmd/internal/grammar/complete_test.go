package grammar_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/ipvl/ipvl/cmd/internal/grammar"
)

func TestComplete(t *testing.T) {
	for _, c := range []struct {
		line string // the last word is completed; a trailing blank starts a new one
		want string
	}{
		{"", "-4 -6"}, // among others
		{"li", "link"},
		{"-j", "-json"},
		{"-n ns0 mo", "monitor"},
		{"-n ", ""},
		{"-bogus ", ""},
		{"link ", "add delete help set show"},
		{"l s", "set show"},
		{"addr ", "help show"},
		{"r g", "get"},
		{"link add link eth0 na", "name"},
		{"link add link ", ""},
		{"link add link eth0 name v0 type ", "ipvlan"},
		{"link add link eth0 name v0 type ipvlan ", "allow announce bridge guard host isolate lookup mode private proxy vepa"},
		{"link set v0 type ipvlan proxy on l", "lookup"},
		{"link set v0 type ipvlan lookup ", "full kernel"},
		{"link set v0 type ipvlan host ", "off on"},
		{"link set v0 type ipvlan allow ", "any"},
		{"link add link eth0 name v0 type ipvlan mode ", "l2 l3 l3s"},
		{"link add link eth0 name v0 type ipvlan mode l2 v", "vepa"},
		{"link set v0 arp ", "off on"},
		{"link set v0 xd", ""},
		{"link show m", "master"},
		{"addr show prim", "primary"},
		{"route show table l", "local"},
		{"route show ro", "root"},
		{"route get 10.0.0.1 o", "oif"},
		{"neigh show nud st", "stale"},
		{"monitor l", "label link"},
		{"bogus ", ""},
		{"fi", "filter"},
		{"nat ", "add delete flush help insert show"},
		{"filter p", "policy"},
		{"filter add ", "help input output"},
		{"nat show po", "postrouting"},
		{"nat flush input ", ""},
		{"filter policy in ", "accept drop"},
		{"filter policy in drop ", ""},
		{"filter add input ", "accept dev dport drop family from proto sport state to"},
		{"nat add output ", "accept dev dnat dport family from proto sport state to"},
		{"nat add post proto tcp s", "snat sport state"},
		{"filter add input proto u", "udp udplite"},
		{"filter add input state ", "established invalid new related"},
		{"filter add input family ", "inet inet6"},
		{"filter add input from ", "not"},
		{"filter add input dport ", ""},
		{"filter add input accept ", ""},
		{"nat add post snat ", "to"},
		{"nat add post snat to ", ""},
		{"filter bogus ", ""},
		{"link bogus ", ""},
	} {
		got := grammar.Complete(strings.Split(c.line, " "))
		if c.line == "" {
			for _, want := range []string{"-json", "-netns", "link", "address", "monitor"} {
				if !slices.Contains(got, want) {
					t.Errorf("nothing: %q lacks %q", got, want)
				}
			}
			continue
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%q: %q, want %q", c.line, s, c.want)
		}
	}
}

func FuzzComplete(f *testing.F) {
	f.Add("link\x00add\x00type\x00ipvlan\x00")
	f.Add("-n")
	f.Fuzz(func(t *testing.T, line string) {
		words := strings.Split(line, "\x00")
		for _, w := range grammar.Complete(words) {
			if !strings.HasPrefix(w, words[len(words)-1]) {
				t.Fatalf("%q gives %q", words, w)
			}
		}
	})
}
