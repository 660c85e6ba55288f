package hooks

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/ipvl/ipvl/stack/rules"
)

func (c Capture) String() string {
	s := fmt.Sprintf("%d to %v", c.Proto, c.Dst)
	if c.DstPorts != (rules.Ports{}) {
		s += fmt.Sprintf(" %d-%d", c.DstPorts.Lo, c.DstPorts.Hi)
	}
	if c.Src.IsValid() {
		s += fmt.Sprintf(" from %v", c.Src)
	}
	return s
}

func TestCaptures(t *testing.T) {
	own := []netip.Addr{ip("10.0.0.1"), ip("10.0.0.2"), ip("2001:db8::1")}
	host := append([]netip.Addr{ip("10.5.0.1")}, own...)
	pre := func(m rules.Match, to string) rules.Set {
		return nat(rules.ChainPrerouting, dnat(m, to, rules.Ports{}))
	}
	post := func(m rules.Match, a rules.Action) rules.Set {
		return nat(rules.ChainPostrouting, rules.Rule{Match: m, Action: a})
	}
	masq := rules.Action{Kind: rules.KindMasquerade}
	web := rules.Ports{Lo: 80, Hi: 80}
	for name, c := range map[string]struct {
		s    rules.Set
		want []string
	}{
		"none":            {filter(rules.ChainInput, rules.KindDrop), nil},
		"accept":          {nat(rules.ChainPostrouting, verdict(rules.KindAccept, rules.Match{})), nil},
		"output dnat":     {nat(rules.ChainOutput, dnat(rules.Match{}, "10.1.0.11", rules.Ports{})), nil},
		"dnat of one":     {pre(rules.Match{Dst: prefix("10.0.0.1/32"), Proto: 6, DstPorts: web}, "10.1.0.11"), []string{"6 to 10.0.0.1/32 80-80"}},
		"dnat of all":     {pre(rules.Match{Proto: 6, DstPorts: web}, "10.1.0.11"), []string{"6 to 10.0.0.1/32 80-80", "6 to 10.0.0.2/32 80-80"}},
		"dnat but not":    {pre(rules.Match{Dst: prefix("10.0.0.2/32"), NotDst: true}, "10.1.0.11"), []string{"0 to 10.0.0.1/32"}},
		"dnat of IPv6":    {pre(rules.Match{Src: prefix("2001:db8:9::/48")}, "2001:db8:1::11"), []string{"0 to 2001:db8::1/128 from 2001:db8:9::/48"}},
		"dnat, not from":  {pre(rules.Match{Dst: prefix("10.0.0.1/32"), Src: prefix("10.9.0.0/16"), NotSrc: true}, "10.1.0.11"), []string{"0 to 10.0.0.1/32"}},
		"dnat of another": {pre(rules.Match{Dst: prefix("203.0.113.7/24")}, "10.1.0.11"), []string{"0 to 203.0.113.0/24"}},
		"masquerade of a protocol": {post(rules.Match{Proto: 17, Family: 4, Dst: prefix("192.0.2.0/24")}, masq),
			[]string{"17 to 10.0.0.1/32 61000-65535 from 192.0.2.0/24", "17 to 10.0.0.2/32 61000-65535 from 192.0.2.0/24"}},
		"masquerade of IPv6": {post(rules.Match{Family: 6}, masq),
			[]string{"6 to 2001:db8::1/128 61000-65535", "17 to 2001:db8::1/128 61000-65535", "58 to 2001:db8::1/128 61000-65535"}},
		"snat": {post(rules.Match{}, rules.Action{Kind: rules.KindSNAT, Addr: ip("10.5.0.1")}),
			[]string{"1 to 10.5.0.1/32 61000-65535", "6 to 10.5.0.1/32 61000-65535", "17 to 10.5.0.1/32 61000-65535"}},
		"snat to none of the host's": {post(rules.Match{}, rules.Action{Kind: rules.KindSNAT, Addr: ip("10.0.0.77")}),
			[]string{"1 to 10.0.0.77/32", "6 to 10.0.0.77/32", "17 to 10.0.0.77/32"}},
		"snat with ports": {post(rules.Match{Proto: 6}, rules.Action{Kind: rules.KindSNAT, Addr: ip("10.0.0.1"), Ports: rules.Ports{Lo: 7, Hi: 9}}), []string{"6 to 10.0.0.1/32 7-9"}},
	} {
		var got []string
		for _, x := range Captures(&c.s, own, host) {
			got = append(got, x.String())
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	twice := masquerade()
	twice.NAT[rules.ChainPostrouting] = append(twice.NAT[rules.ChainPostrouting], twice.NAT[rules.ChainPostrouting]...)
	if got := Captures(&twice, own, own); len(got) != 9 {
		t.Errorf("two equal rules: %v", got)
	}
}

// Whatever masquerade gives out is captured.
func TestMasqueradeStaysWithinItsCaptures(t *testing.T) {
	k := newKit(t, masquerade(), nil)
	for port := range uint16(500) {
		f := k.out(spec{proto: protoUDP, src: at("10.1.0.11", port*131+1), dst: "192.0.2.9:53"}, "udp 10.0.0.1:54321 > 192.0.2.9:53")
		if p := portOf(f); p < FirstPort {
			t.Fatalf("port %d", p)
		}
	}
}
