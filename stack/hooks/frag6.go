package hooks

import (
	"sync"

	"gvisor.dev/gvisor/pkg/tcpip"

	"github.com/ipvl/ipvl/stack"
)

// maxVerdicts bounds the packets whose later fragments are awaited.
const maxVerdicts = 1024

// fragVerdicts is what became of the first fragments of IPv6 packets that
// devices sent, for those that follow.
type fragVerdicts struct {
	mu sync.Mutex
	// +checklocks:mu
	m map[fragKey]fragVerdict
}

type fragVerdict struct {
	until    tcpip.MonotonicTime
	drop     bool
	src, dst ipaddr // what the addresses become
}

// outputFragment is Output for a fragment of an IPv6 packet. A router must not
// fragment such packets (RFC 8200 section 5), so that they are not reassembled
// here: the first fragment, which has all headers (RFC 7112), is treated as the
// packet would be, and the others go the same way.
func (e *Engine) outputFragment(rs *ruleset, t *tracker, p *packet) ([]byte, stack.Hop, Reason) {
	key, now := p.fragKey(), e.clock.NowMonotonic()
	if p.fragOff != 0 {
		v, ok := e.later.get(key, now)
		if !ok || v.drop {
			return e.lose(&e.count.fragDropped)
		}
		p.setAddr(p.l3, v.dst, destination)
		hop := e.o.Route(p.frame)
		p.setAddr(p.l3, v.src, source)
		return p.frame, hop, Pass
	}
	if p.transport(); p.class == classInvalid {
		return e.lose(&e.count.fragDropped)
	}
	out, hop, r := e.output(rs, t, p)
	v := fragVerdict{until: now.Add(fragTimeout), drop: r != Pass}
	if r == Pass {
		ip := p.frame[p.l3:]
		v.src, v.dst = load6(ip[8:]), load6(ip[24:])
	}
	e.later.put(key, v, now)
	return out, hop, r
}

func (v *fragVerdicts) get(k fragKey, now tcpip.MonotonicTime) (fragVerdict, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	out, ok := v.m[k]
	return out, ok && !out.until.Before(now)
}

// put notes a verdict. Where there are too many, what has timed out makes
// room, or else any.
func (v *fragVerdicts) put(k fragKey, verdict fragVerdict, now tcpip.MonotonicTime) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.m == nil {
		v.m = make(map[fragKey]fragVerdict)
	}
	if len(v.m) >= maxVerdicts {
		for k, old := range v.m {
			if old.until.Before(now) {
				delete(v.m, k)
			}
		}
	}
	for k := range v.m {
		if len(v.m) < maxVerdicts {
			break
		}
		delete(v.m, k)
	}
	v.m[k] = verdict
}
