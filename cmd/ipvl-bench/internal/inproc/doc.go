// Package inproc is the contenders that live in one process: netstacks, each with
// a link.Device of one Master, and for comparison over gVisor's own links.
//
// # Data flow
//
//	Pair: client ── Device ── Master ── Device ── server     both netstacks
//	      client ── pipe, or channels and pumps ── server     gVisor's, MTU 1500
//	TAP:  client ── Device ── Master ── Device ── TAP         the server is a workload's
//
// All stacks have the same buffers (4 MiB) and options. The load is package load's,
// over gonet. A process makes one of these, runs one load, and ends: nothing is
// taken down.
//
// This is a workload, not control: it may speak to a netstack, which the rest of
// cmd does not.
package inproc
