package appliance

import (
	"net/netip"

	"github.com/ipvl/ipvl/link"
	"github.com/ipvl/ipvl/link/rawip"
	"github.com/ipvl/ipvl/stack"
	"github.com/ipvl/ipvl/stack/fib"
)

// openOthers opens the ways on which devices leave other than over the
// master's wire: to the host's own stack, and through the host's other
// interfaces. One that cannot be had is nil: what would take it is dropped.
func (a *Appliance) openOthers(m *master) (host, elsewhere link.Port) {
	if p, err := openHost(a.mirror, m.index); err == nil {
		host = p
		m.others = append(m.others, p)
	} else {
		a.log.Warn("devices cannot send to the host", "master", m.name, "error", err)
	}
	if p, err := rawip.OpenOutput(); err == nil {
		elsewhere = p
		m.others = append(m.others, p)
	} else {
		a.log.Warn("devices cannot send through other interfaces", "master", m.name, "error", err)
	}
	return host, elsewhere
}

// openHost opens the way from devices to the host's own stack. Only addresses
// that the mirror has as local get anything: nothing may be forwarded or sent
// out in the host's name.
func openHost(mirror *stack.Mirror, master int) (*rawip.Port, error) {
	return rawip.Open(rawip.Options{Index: master, Local: func(a netip.Addr) bool { return isLocal(mirror, a) }})
}

// isLocal says whether a is the host's own, on any interface but lo.
func isLocal(mirror *stack.Mirror, a netip.Addr) bool {
	return !a.IsLoopback() && mirror.FIB().Lookup(fib.Query{Dst: a}).Verdict == fib.VerdictLocal
}
