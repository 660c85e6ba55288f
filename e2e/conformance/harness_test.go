package conformance

import (
	"fmt"
	"strings"
	"testing"
)

func TestReply(t *testing.T) {
	for in, want := range map[string]string{
		"eth PM MM; ip4 A4 P4; udp 1 2":            "eth MM PM; ip4 P4 A4; udp 2 1",
		"eth PM MM; ip6 A6 P6; udp 1 2":            "eth MM PM; ip6 P6 A6; udp 2 1",
		"eth PM MM; ip4 A4 P4; icmp 8 0":           "eth MM PM; ip4 P4 A4; icmp 0 0",
		"eth PM MM; ip6 A6 P6; icmp6 128 0":        "eth MM PM; ip6 P6 A6; icmp6 129 0",
		"eth PM MM; ip4 A4 P4; tcp 1 2 flags=2":    "eth MM PM; ip4 P4 A4; tcp 2 1 flags=18",
		"eth PM MM; ip6 A6 P6; tcp 1 2 flags=2":    "eth MM PM; ip6 P6 A6; tcp 2 1 flags=18",
		"eth PM MM; ip4 A4 P4 opt=01010101; udp":   "eth MM PM; ip4 P4 A4 opt=01010101; udp 7 9000",
		"eth PM MM; ip4 A4 P4; udp 1 2; complain":  "eth MM PM; ip4 P4 A4; icmp 3 3 quote=00000000",
		"eth PM MM; ip4 A4 P4; tcp 1 2; complain":  "eth MM PM; ip4 P4 A4; icmp 3 3 quote=00000000",
		"eth PM MM; ip4 A4 P4; udp 61000 2; nat":   "eth MM PM; ip4 P4 A4; udp 2 nat",
		"eth PM MM; ip4 A4 P4; tcp 1 2 flags=16":   "eth MM PM; ip4 P4 A4; tcp 2 1 flags=16",
		"eth PM MM; ip4 A4 P4; icmp 8 0; complain": "eth MM PM; ip4 P4 A4; icmp 3 3 quote=00000000",
	} {
		in = strings.TrimSuffix(in, "; nat")
		frame, complain := strings.CutSuffix(in, "; complain")
		b, err := build(frame)
		if err != nil {
			t.Fatal(err)
		}
		b, err = reply(b, complain)
		if got := readFrame(b, tag{}); err != nil || got != want {
			t.Errorf("%s: %s, want %s (%v)", in, got, want, err)
		}
	}
	if _, err := reply(nil, false); err == nil {
		t.Error("nothing was answered")
	}
}

func TestRulesAsIPTables(t *testing.T) {
	for in, want := range map[string]string{
		"filter add input from 10.0.0.1 proto udp dport 7 drop":              "-A INPUT -s 10.0.0.1 -p udp --dport 7 -j DROP [4]",
		"filter insert output dev m0 to not fd00::/64 accept":                "-I OUTPUT -o m0 ! -d fd00::/64 -j ACCEPT [6]",
		"filter add input dev m0 proto tcp sport 1-9 state new,related drop": "-A INPUT -i m0 -p tcp --sport 1:9 -m conntrack --ctstate NEW,RELATED -j DROP [4 6]",
		"filter policy input drop":                                           "-P INPUT DROP [4 6]",
		"filter flush":                                                       "-F [4 6]",
		"filter delete input 1":                                              "-D INPUT 1 [4]",
		"nat add postrouting from 10.0.0.1 masquerade":                       "-A POSTROUTING -s 10.0.0.1 -j MASQUERADE [4]",
		"nat add postrouting proto udp masquerade":                           "-A POSTROUTING -p udp -j MASQUERADE --to-ports 61000-65535 [4 6]",
		"nat add prerouting to 10.0.0.1 proto udp dnat to 10.0.0.2:7":        "-A PREROUTING -d 10.0.0.1 -p udp -j DNAT --to-destination 10.0.0.2:7 [4]",
		"nat add prerouting dnat to [fd00::1]:7":                             "-A PREROUTING -j DNAT --to-destination [fd00::1]:7 [6]",
	} {
		args, families, err := iptables(strings.Fields(in))
		if got := strings.Join(args, " ") + " " + fmt.Sprint(families); err != nil || got != want {
			t.Errorf("%s: %s, want %s (%v)", in, got, want, err)
		}
	}
	for _, bad := range []string{"filter eat input", "filter add", "filter add input from", "filter add input perhaps"} {
		if _, _, err := iptables(strings.Fields(bad)); err == nil {
			t.Errorf("%q was translated", bad)
		}
	}
}

// What a monitor prints is told by its interface, without what is the host's choice.
func TestMonitored(t *testing.T) {
	for record, want := range map[string]string{
		"7: va@if3: <BROADCAST,UP> mtu 1500 qdisc noqueue state UNKNOWN group default      link/ether 02:aa:bb:cc:dd:01 brd ff:ff:ff:ff:ff:ff link-netnsid 0":     "va: va: <BROADCAST,UP> mtu 1500 state UP group default link/ether MM brd FF",
		"[LINK]Deleted 7: va@m0: <UP> mtu 1500 qdisc noop state DOWN group default      link/ether 02:aa:bb:cc:dd:01 link-netns host new-netnsid 1 new-ifindex 5": "va: [LINK]Deleted va: <UP> mtu 1500 state DOWN group default link/ether MM",
		"Deleted 7: va    inet 10.0.0.11/24 scope global va        valid_lft 5sec preferred_lft 0sec":                                                             "va: Deleted va inet 10.0.0.11/24 scope global va valid_lft 5sec preferred_lft 0sec",
		"local 10.0.0.11 dev vb table local proto kernel":                             "vb: local 10.0.0.11 dev vb table local proto kernel",
		"7: va: <UP> promiscuity 0 ipvlan mode l2 bridge numtxqueues 1 numrxqueues 1": "va: va: <UP> promiscuity 0 ipvlan mode l2 bridge",
		"nexthop of nothing": ": nexthop of nothing",
	} {
		text, dev := monitored(record)
		if got := dev + ": " + text; got != want {
			t.Errorf("%s:\n%s, want\n%s", record, got, want)
		}
	}
	for text, want := range map[string]bool{
		"va inet6 fd00::1/64 scope global tentative valid_lft forever": true, "va inet6 fd00::1/64 scope global valid_lft forever": false,
		"va: <NO-CARRIER,BROADCAST,UP,LOWER_UP> mtu 1500": true, "va: <NO-CARRIER,BROADCAST,UP> mtu 1500": false, "va: <UP,LOWER_UP> mtu 1500": false,
		"[NEIGH]10.0.0.1 dev va STALE": true,
	} {
		if passing(text) != want {
			t.Errorf("%s: %v", text, !want)
		}
	}
}

// What is said of each case, and that only the right things pass.
func TestReport(t *testing.T) {
	cases, err := parseCases([]string{"l2/bridge a: eth PM MM; ip4 A4 {P4,B4,C4,U4} ttl={1,2}; udp"})
	if err != nil {
		t.Fatal(err)
	}
	all := func(line string) *record {
		r := &record{Kernel: "6", Cases: map[string]observation{}}
		for _, c := range cases {
			r.Cases[c.key] = observation{{line}}
		}
		return r
	}
	var b strings.Builder
	r := report{cases: cases[:1], want: all("x"), got: all("x"), recorded: all("x"), kind: "tap"}
	if !r.print(&b) || !strings.Contains(b.String(), "1 cases (l2 x bridge; tap; as Linux 6): 1 same, 0 on purpose, 0 different") {
		t.Errorf("the same: %s", b.String())
	}
	r.purposes = map[string]string{cases[0].key: "a reason"}
	if r.print(&b) {
		t.Error("what is the same by now passed as on purpose")
	}
	if r.got = all("y"); !r.print(&b) {
		t.Error("what differs on purpose did not pass")
	}
	b.Reset()
	if r.purposes = nil; r.print(&b) || !strings.Contains(b.String(), "DIFFERENT: "+cases[0].key+"\n\t\tkernel: x\n\t\tipvl:   y\n") {
		t.Errorf("what differs: %s", b.String())
	}
	if r.recorded = all("y"); !r.print(&b) {
		t.Error("what the kernel did once did not pass")
	}
	r.recorded, r.want = all("x"), &record{}
	if r.print(&b) {
		t.Error("what nobody recorded passed")
	}
}
