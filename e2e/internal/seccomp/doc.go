// Package seccomp takes io_uring from a process and from all that it starts, by
// the means of container runtimes: a filter of system calls that is there before
// the program to be tested is executed. It is for tests only.
//
// # Limits
//
//   - A filter cannot be taken off again: forbid in a process that ends with the tests.
//   - The filter knows system calls by their native numbers: a program of another
//     architecture (32 bits, say) is not held back reliably.
package seccomp
