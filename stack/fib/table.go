package fib

// Table is a Snapshot made ready for look-ups. It never changes; Apply makes
// another one that shares what is the same. Its methods may be called by any
// number of goroutines. The zero value holds nothing.
type Table struct {
}
