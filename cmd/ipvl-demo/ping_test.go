package main

import (
	"strings"
	"testing"
)

const pinged = `PING fd00::12(fd00::12) 56 data bytes
64 bytes from fd00::12: icmp_seq=3 ttl=64 time=0.213 ms

--- fd00::12 ping statistics ---
3 packets transmitted, 1 received, 66.6667% packet loss, time 412ms
rtt min/avg/max/mdev = 0.213/0.213/0.213/0.000 ms
`

func TestParseReply(t *testing.T) {
	for out, want := range map[string]reply{
		pinged: {"3", "0.213"},
		"64 bytes from 10.0.0.12: icmp_seq=1 ttl=64 time=0.05 ms\n": {"1", "0.05"},
		"64 bytes from 10.0.0.12: icmp_seq=1 ttl=64 time=12 ms\n":   {"1", "12"},
		"From 10.0.0.11 icmp_seq=1 Destination Host Unreachable\n":  {},
		"4 packets transmitted, 0 received, time 912ms\n":           {},
	} {
		if got, ok := parseReply(out); got != want || ok != (want != reply{}) {
			t.Errorf("%+v, %v of %q", got, ok, out)
		}
	}
}

func FuzzParseReply(f *testing.F) {
	f.Add(pinged)
	f.Add("icmp_seq=1 time<1 ms")
	f.Fuzz(func(t *testing.T, out string) {
		r, ok := parseReply(out)
		if ok != (r != reply{}) || !strings.Contains(out, "icmp_seq="+r.seq) && ok || !strings.Contains(out, r.ms+" ms") && ok {
			t.Errorf("%+v, %v of %q", r, ok, out)
		}
	})
}

// The proofs are of what ping(8) says here and now; nothing but lo is asked.
func TestProofsByPing(t *testing.T) {
	if seen, err := ping(t.Context(), "", "127.0.0.1"); err != nil || !strings.HasPrefix(seen, "127.0.0.1 answers the default namespace in ") {
		t.Errorf("%q, %v", seen, err)
	}
	if seen, err := noPing(t.Context(), "", "127.0.0.1"); err == nil || !strings.Contains(err.Error(), "must not") {
		t.Errorf("an answer is no silence: %q, %v", seen, err)
	}
	for name, f := range map[string]func() (string, error){
		"ping":   func() (string, error) { return ping(t.Context(), "", "no address") },
		"noPing": func() (string, error) { return noPing(t.Context(), "", "no address") },
	} {
		if seen, err := f(); err == nil {
			t.Errorf("%s that cannot ask: %q", name, seen)
		}
	}
}
