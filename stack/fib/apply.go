package fib

// Op is what a Change does.
type Op uint8

const (
	OpAdd     Op = iota // add Route after its equals
	OpReplace           // put Route in the place of the first with its table, prefixes, TOS and metric; without one, add it
	OpDelete            // remove Route
)

// Change is one change of one route.
type Change struct {
	Op    Op
	Route Route
}

// Apply makes the changes, in their order, on a copy of t that shares
// everything they do not touch; t and its readers are undisturbed. A change
// that cannot be made is counted in LeftOut.Routes. If nothing changed, it
// returns t itself.
func (t *Table) Apply(changes []Change) (*Table, LeftOut) { return t, LeftOut{} }
