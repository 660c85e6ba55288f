package conformance

import (
	"bytes"
	"encoding/hex"
	"reflect"
	"strings"
	"testing"
)

func TestExpand(t *testing.T) {
	for in, want := range map[string][]string{
		"a":             {"a"},
		"{a,b}/c":       {"a/c", "b/c"},
		"x {a,b} {1,2}": {"x a 1", "x a 2", "x b 1", "x b 2"},
		"x{, y{1,2}} z": {"x z", "x y1 z", "x y2 z"},
		"{":             {"{"},
		"{a":            {"{a"},
	} {
		if got := expand(in); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestBuild(t *testing.T) {
	for in, want := range map[string]string{
		"eth FF PM type=0x9999; hex 01":            "ffffffffffff0200000000649999" + "01",
		"eth MM PM; vlan 5; ip4 P4 A4; udp; cut 4": "02aabbccdd01020000000064" + "8100" + "00050800",
		"eth MM PM; arp request P4 A4; cut 8":      "02aabbccdd01020000000064" + "0806" + "0001080006040001",
		"eth MM PM; ip4 P4 A4; hex 00": "02aabbccdd01020000000064" + "0800" +
			"450000151d1d000040fd48610a0000640a00000b" + "00",
		"eth SN:A6 PM type=1": "3333ff000011" + "020000000064" + "0001",
	} {
		got, err := build(in)
		if err != nil || hex.EncodeToString(got) != want {
			t.Errorf("%s: %x, want %s (%v)", in, got, want, err)
		}
	}
	for _, bad := range []string{"", "eth", "eth MM PM; ", "eth MM nobody", "eth MM PM; ip4 P4 A6; udp", "eth MM PM; arp what P4 A4", "eth MM PM; soup", "eth MM PM; hex 0", "eth MM PM; ip4 P4 A4 ttl=x; udp"} {
		if b, err := build(bad); err == nil && bad != "eth" {
			t.Errorf("%q was built: %x", bad, b)
		}
	}
}

// What is read back from a frame of the cases is what it was built from, for
// frames that the language says all of.
func TestReadBack(t *testing.T) {
	for _, s := range []string{
		"eth MM PM; ip4 P4 A4; udp 9000 7",
		"eth MM PM; ip4 P4 A4 df ttl=1 tos=16; udp 1 2",
		"eth FF PM; vlan 5; arp request P4 A4",
		"eth MM PM; ip6 P6 A6 hop=1; udp 9000 7",
		"eth MM PM; ip6 P6 A6; hbh; udp 9000 7",
		"eth SN:A6 PM; ip6 P6 SN:A6 hop=255; ns A6 sll=PM",
		"eth MM PM; ip6 P6 A6 hop=255; na P6 flags=so tll=PM",
		"eth MM PM; ip4 P4 A4; icmp 8 0",
		"eth MM PM; ip6 P6 A6; tcp 9000 99 flags=2",
		"eth MM PM; ip4 P4 A4; udp 9000 7 csum=bad",
	} {
		b, err := build(s)
		if err != nil {
			t.Fatal(err)
		}
		want := s
		for _, name := range []string{"SN:A6 PM", "SN:A6 hop"} {
			want = strings.Replace(want, name, map[string]string{"SN:A6 PM": "33:33:ff:00:00:11 PM", "SN:A6 hop": "ff02::1:ff00:11 hop"}[name], 1)
		}
		if got := readFrame(b, tag{}); got != want {
			t.Errorf("%s was read as %s", want, got)
		}
	}
}

func TestBurst(t *testing.T) {
	s, err := parseStep("burst a wire 600: eth FF PM type=0x9999; hex 01")
	if err != nil || s.burst != 600 || !reflect.DeepEqual(s.argv, []string{"a", "wire"}) || len(s.frame) != 15 {
		t.Errorf("%+v, %v", s, err)
	}
	for _, bad := range []string{"burst a: eth FF PM", "burst 3: eth FF PM", "burst a 0: eth FF PM", "burst a 3", "burst a 3: soup", "burst :"} {
		if s, err := parseStep(bad); err == nil {
			t.Errorf("%q was read: %+v", bad, s)
		}
	}
}

func TestCasesAndRecordBelongTogether(t *testing.T) {
	cases, err := loadCases()
	if err != nil {
		t.Fatal(err)
	}
	r, err := readRecord(recordFile)
	if err != nil {
		t.Fatal(err)
	}
	if len(cases) != len(r.Cases) {
		t.Errorf("%d cases, %d recorded: renew the record", len(cases), len(r.Cases))
	}
	for _, c := range cases {
		if len(r.Cases[c.key]) != len(c.steps) {
			t.Errorf("recorded otherwise: %s", c.key)
		}
	}
}

// A reader of frames gets what strangers send: it must not panic.
func FuzzRead(f *testing.F) {
	for _, s := range []string{"eth MM PM; ip4 P4 A4; udp", "eth MM PM; vlan 5; ip6 P6 A6; hbh; frag6 0 1; udp", "eth FF PM; arp request P4 A4", "eth SN:A6 PM; ip6 :: SN:A6; ns A6 sll=none", "eth MM PM; ip4 P4 A4 opt=94040000; icmp 3 4"} {
		b, err := build(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		if readFrame(b, tag{}) == "" {
			t.Error("nothing was read")
		}
		if !bytes.Equal(b, before) {
			t.Error("reading changed the frame")
		}
	})
}

// A monitor prints names that others chose.
func FuzzMonitored(f *testing.F) {
	for _, s := range []string{"7: va@if3: <UP> mtu 1500 qdisc noqueue state UNKNOWN", "Deleted 7: va    inet 10.0.0.11/24", "[ROUTE]local ::1 dev va table local", "1: qdisc: qdisc qdisc"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if text, dev := monitored(s); text != strings.Join(strings.Fields(text), " ") || strings.ContainsAny(dev, " \n") {
			t.Errorf("%q was told as %q, of %q", s, text, dev)
		}
	})
}

// A line of a case file is an error or cases; it must not panic.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"l2/bridge wire: eth MM PM; ip4 P4 {A4,B4}; udp", "case l3/vepa a name", "l2/bridge a# ip link", "{,", "a/b c:", "l2/bridge burst a wire 3: eth FF PM"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.Count(s, "{") > 3 || strings.Contains(s, "fill") || strings.Contains(s, "pad") {
			return // that grows
		}
		cases, err := parseCases([]string{s})
		if err == nil && len(cases) == 0 {
			t.Errorf("%q gave neither cases nor an error", s)
		}
	})
}
