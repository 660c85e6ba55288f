package fib

// LookupKernel answers q as the ipvlan driver does over the interface with
// index master (q.OIF is ignored). See doc.go for the rows it follows. It does
// not allocate.
func (t *Table) LookupKernel(master int, q Query) Result { return Result{} }
