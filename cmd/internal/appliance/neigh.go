package appliance

import (
	"net"

	"github.com/ipvl/ipvl/cmd/internal/api"
	"github.com/ipvl/ipvl/nsutil"
	"github.com/ipvl/ipvl/nsutil/rtnl"
	"golang.org/x/sys/unix"
)

func macText(b []byte) string { return net.HardwareAddr(b).String() }

// kernelNeighs reads the neighbours of a namespace.
func kernelNeighs(s scope) ([]api.Neigh, error) {
	raw, err := nsutil.Neighs(s.ns)
	if err != nil {
		return nil, failed("neigh show", err)
	}
	links, err := nsutil.Links(s.ns)
	if err != nil {
		return nil, failed("neigh show", err)
	}
	names := make(map[int]string, len(links))
	for _, l := range links {
		names[l.Index] = l.Name
	}
	out := make([]api.Neigh, 0, len(raw))
	for _, n := range raw {
		out = append(out, convertNeigh(n, names))
	}
	return out, nil
}

func convertNeigh(n rtnl.Neigh, names map[int]string) api.Neigh {
	out := api.Neigh{Dst: n.Dst, Dev: names[n.Index], State: nudState(n.State), Router: n.Flags&unix.NTF_ROUTER != 0}
	if len(n.LLAddr) > 0 {
		out.LLAddr = n.LLAddr.String()
	}
	return out
}

// nudState is ip(8)'s word for NUD_*.
func nudState(s uint16) string {
	for _, w := range []struct {
		bit  uint16
		word string
	}{
		{unix.NUD_PERMANENT, "PERMANENT"}, {unix.NUD_NOARP, "NOARP"}, {unix.NUD_REACHABLE, "REACHABLE"},
		{unix.NUD_STALE, "STALE"}, {unix.NUD_DELAY, "DELAY"}, {unix.NUD_PROBE, "PROBE"},
		{unix.NUD_INCOMPLETE, "INCOMPLETE"}, {unix.NUD_FAILED, "FAILED"},
	} {
		if s&w.bit != 0 {
			return w.word
		}
	}
	return "NONE"
}
