// Package conformance holds tests only: it compares the binary that ships with
// the kernel's ipvlan driver, frame by frame.
//
// # Data flow
//
//	testdata/*.case ─► runner ─┬─ in user-mode Linux, ip(8) makes the devices ──► testdata/kernel-6.1.json
//	                           └─ in a sandbox, the binary makes them ──────────► compared with that record
//
// The cases are data in a small language (testdata/README.md), which knows
// nothing of ipvl: another implementation of the driver can use them. The
// runner is this package's test program, both times. Statically linked it is
// init of a user-mode Linux (flag -renew) and writes the record; in a sandbox
// of go test it says of each case
//
//	same                     not a word, but with -v
//	on purpose: CASE (WHY)   it differs, and testdata/on-purpose.txt says why
//	DIFFERENT: CASE          a failure, with the lines that only one side saw
//	SAME BY NOW: CASE        a failure: it is to be taken off the list
//
// # When everything has been seen
//
// Nothing sleeps. After each stimulus sentinels go over every way that frames
// can take in the present world: unicast and group, to and from the wire, each
// device and the host. What has been received when all of them have arrived
// twice was caused by the stimulus. Group frames take a queue of their own in
// the driver, so nothing is concluded from the order of arrival, and
// observations are sorted. Where the record expects more than has come,
// sentinels go on for a moment, because the appliance learns of changes by
// netlink a moment after ip(8) returns.
//
// # What is not compared
//
// Error codes of sending, counters, time; what stacks say in their own time
// (group reports, probes of known neighbours, errors of those that never
// answered); what they ask for, but for cases that have a world of their own; IP
// identifications and flow labels of the stacks' choice; operational states
// other than up and down.
package conformance
