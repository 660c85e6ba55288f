package appliance

import (
	"net/netip"

	"github.com/ipvl/ipvl/link/rawip"
	"github.com/ipvl/ipvl/stack"
	"github.com/ipvl/ipvl/stack/fib"
)

// openHost opens the way from devices to the host's own stack. Only addresses
// that the mirror has as local get anything: nothing may be forwarded or sent
// out in the host's name.
func openHost(mirror *stack.Mirror, master int) (*rawip.Port, error) {
	return rawip.Open(rawip.Options{Index: master, Local: func(a netip.Addr) bool {
		return !a.IsLoopback() && mirror.FIB().Lookup(fib.Query{Dst: a}).Verdict == fib.VerdictLocal
	}})
}
