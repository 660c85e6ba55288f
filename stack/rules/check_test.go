package rules

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
)

func ip(s string) netip.Addr       { return netip.MustParseAddr(s) }
func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

func TestCheckOfARule(t *testing.T) {
	accept := Action{Kind: KindAccept}
	for name, c := range map[string]struct {
		t    Table
		c    Chain
		m    Match
		a    Action
		want error
	}{
		"zero match":            {TableFilter, ChainInput, Match{}, accept, nil},
		"all of it":             {TableFilter, ChainOutput, Match{Dev: "eth0", Src: prefix("10.0.0.0/8"), Dst: prefix("0.0.0.0/0"), NotSrc: true, Proto: 6, SrcPorts: Ports{1, 9}, DstPorts: Ports{22, 22}, States: []State{StateNew, StateInvalid}, Family: 4}, Action{Kind: KindDrop}, nil},
		"masquerade":            {TableNAT, ChainPostrouting, Match{}, Action{Kind: KindMasquerade}, nil},
		"snat with ports":       {TableNAT, ChainPostrouting, Match{Proto: 17}, Action{Kind: KindSNAT, Addr: ip("192.0.2.1"), Ports: Ports{1000, 2000}}, nil},
		"snat in input":         {TableNAT, ChainInput, Match{}, Action{Kind: KindSNAT, Addr: ip("192.0.2.1")}, nil},
		"dnat":                  {TableNAT, ChainPrerouting, Match{Proto: 6, DstPorts: Ports{80, 80}}, Action{Kind: KindDNAT, Addr: ip("2001:db8::1"), Ports: Ports{8080, 8080}}, nil},
		"accept in nat":         {TableNAT, ChainOutput, Match{}, accept, nil},
		"table":                 {"mangle", ChainInput, Match{}, accept, ErrTable},
		"chain":                 {TableFilter, ChainPrerouting, Match{}, accept, ErrChain},
		"drop in nat":           {TableNAT, ChainPrerouting, Match{}, Action{Kind: KindDrop}, ErrAction},
		"masquerade before":     {TableNAT, ChainPrerouting, Match{}, Action{Kind: KindMasquerade}, ErrAction},
		"dnat behind":           {TableNAT, ChainPostrouting, Match{}, Action{Kind: KindDNAT, Addr: ip("10.0.0.1")}, ErrAction},
		"dnat without address":  {TableNAT, ChainPrerouting, Match{}, Action{Kind: KindDNAT}, ErrAddress},
		"dnat to a group":       {TableNAT, ChainPrerouting, Match{}, Action{Kind: KindDNAT, Addr: ip("ff02::1")}, ErrAddress},
		"dnat to loopback":      {TableNAT, ChainPrerouting, Match{}, Action{Kind: KindDNAT, Addr: ip("127.0.0.1")}, ErrAddress},
		"dnat to broadcast":     {TableNAT, ChainPrerouting, Match{}, Action{Kind: KindDNAT, Addr: ip("255.255.255.255")}, ErrAddress},
		"zone":                  {TableNAT, ChainPrerouting, Match{}, Action{Kind: KindDNAT, Addr: ip("fe80::1%3")}, ErrAddress},
		"dnat port, any proto":  {TableNAT, ChainPrerouting, Match{}, Action{Kind: KindDNAT, Addr: ip("10.0.0.1"), Ports: Ports{1, 1}}, ErrPorts},
		"accept with an addr":   {TableFilter, ChainInput, Match{}, Action{Kind: KindAccept, Addr: ip("10.0.0.1")}, ErrAddress},
		"masquerade with ports": {TableNAT, ChainPostrouting, Match{Proto: 6}, Action{Kind: KindMasquerade, Ports: Ports{1, 2}}, ErrAddress},
		"no action":             {TableFilter, ChainInput, Match{}, Action{}, ErrAction},
		"ports of icmp":         {TableFilter, ChainInput, Match{Proto: 1, DstPorts: Ports{1, 1}}, accept, ErrPorts},
		"ports turned round":    {TableFilter, ChainInput, Match{Proto: 6, SrcPorts: Ports{9, 1}}, accept, ErrPorts},
		"port 0":                {TableFilter, ChainInput, Match{Proto: 6, SrcPorts: Ports{0, 5}}, accept, ErrPorts},
		"not without prefix":    {TableFilter, ChainInput, Match{NotDst: true}, accept, ErrPrefix},
		"invalid prefix":        {TableFilter, ChainInput, Match{Src: netip.PrefixFrom(ip("10.0.0.0"), 99)}, accept, ErrPrefix},
		"mapped prefix":         {TableFilter, ChainInput, Match{Src: prefix("::ffff:10.0.0.0/104")}, accept, ErrPrefix},
		"state":                 {TableFilter, ChainInput, Match{States: []State{"old"}}, accept, ErrState},
		"state twice":           {TableFilter, ChainInput, Match{States: []State{StateNew, StateNew}}, accept, ErrState},
		"family":                {TableFilter, ChainInput, Match{Family: 5}, accept, ErrFamily},
		"prefix of the other":   {TableFilter, ChainInput, Match{Family: 6, Src: prefix("10.0.0.0/8")}, accept, ErrFamily},
		"two prefixes":          {TableFilter, ChainInput, Match{Dst: prefix("::/0"), Src: prefix("10.0.0.0/8")}, accept, ErrFamily},
		"icmp and v6":           {TableFilter, ChainInput, Match{Proto: ProtoICMP, Dst: prefix("::/0")}, accept, ErrFamily},
		"icmpv6 and v4":         {TableFilter, ChainInput, Match{Proto: ProtoICMPv6, Family: 4}, accept, ErrFamily},
		"dnat to the other":     {TableNAT, ChainPrerouting, Match{Dst: prefix("10.0.0.1/32")}, Action{Kind: KindDNAT, Addr: ip("2001:db8::1")}, ErrFamily},
		"dev":                   {TableFilter, ChainInput, Match{Dev: "a name too long for it"}, accept, ErrDev},
	} {
		err := Rule{Match: c.m, Action: c.a}.Check(c.t, c.c)
		if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		var e *Error
		if err != nil && (!errors.As(err, &e) || e.Op == "") {
			t.Errorf("%s: %v is no *Error with an Op", name, err)
		}
	}
}

func TestCheckSaysWhatToDo(t *testing.T) {
	err := Rule{Action: Action{Kind: KindDrop}}.Check(TableNAT, ChainPostrouting)
	if want := `nat postrouting: action cannot stand here "drop"; here it is accept, masquerade or snat`; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestCheckOfASet(t *testing.T) {
	good := Rule{Action: Action{Kind: KindAccept}}
	bad := Rule{Action: Action{Kind: "reject"}}
	for name, c := range map[string]struct {
		s    Set
		want error
		text string
	}{
		"empty":          {Set{}, nil, ""},
		"good":           {Set{Filter: map[Chain][]Rule{ChainInput: {good}}, NAT: map[Chain][]Rule{ChainOutput: {good}}, Policy: map[Chain]string{ChainInput: KindDrop, ChainOutput: KindAccept}}, nil, ""},
		"second bad":     {Set{Filter: map[Chain][]Rule{ChainInput: {good, bad}}}, ErrAction, "rule 2"},
		"unknown chain":  {Set{NAT: map[Chain][]Rule{"forward": {}}}, ErrChain, "forward"},
		"policy":         {Set{Policy: map[Chain]string{ChainInput: "reject"}}, ErrPolicy, "reject"},
		"policy of nat":  {Set{Policy: map[Chain]string{ChainPostrouting: KindDrop}}, ErrChain, "postrouting"},
		"too many rules": {Set{Filter: map[Chain][]Rule{ChainInput: make([]Rule, MaxRules+1)}}, ErrTooMany, "1024"},
	} {
		err := c.s.Check()
		if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) || err != nil && !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}
