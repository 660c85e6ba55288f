package inproc

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/ipvl/ipvl/cmd/ipvl-bench/internal/load"
)

// Each load is carried over each link between two netstacks.
func TestPair(t *testing.T) {
	for _, kind := range []string{Master, Pipe, Channel} {
		for _, s := range []load.Spec{{Kind: load.TCP}, {Kind: load.TCP, Streams: 4, Reverse: true}, {Kind: load.RR}, {Kind: load.Conn}} {
			t.Run(kind+" "+string(s.Kind), func(t *testing.T) {
				s.Seconds, s.Addr = 0.02, netip.MustParseAddrPort("10.0.0.12:5201")
				r, err := Pair(kind, s)
				if err != nil {
					t.Fatal(err)
				}
				if r.Bytes+r.Ops == 0 || r.Seconds <= 0 {
					t.Errorf("%+v", r)
				}
			})
		}
	}
}

func TestPairRefuses(t *testing.T) {
	s := load.Spec{Kind: load.TCP, Seconds: 0.02, Addr: netip.MustParseAddrPort("10.0.0.12:5201")}
	if _, err := Pair("string", s); err == nil || !strings.Contains(err.Error(), "string") {
		t.Error(err)
	}
	s.Kind = load.GSO
	if _, err := Pair(Master, s); err == nil || !strings.Contains(err.Error(), "gso") {
		t.Error(err)
	}
}
