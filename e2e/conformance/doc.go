// Package conformance holds tests only: it compares the binary that ships with
// the kernel's ipvlan driver, frame by frame.
//
// # Data flow
//
//	testdata/*.case ─► worker ─┬─ in user-mode Linux, the kernel makes the devices ─► testdata/kernel-6.1.json
//	                           └─ in a sandbox, the binary makes them ──────────────► compared with that
//
// The cases are data in a small language (testdata/README.md), which knows
// nothing of ipvl: another implementation of the driver can use them. Workers
// are this package's test program, both times: init of a user-mode Linux (it has
// to be linked statically for that), or a process in a sandbox, each with a
// topology of its own. They share the cases by making folders: who makes the one
// with a unit's number does that unit. Cases that leave their world as it was are
// a hundred to a unit; each other case has a world of its own.
//
// By default the binary is compared with the record, in one kind of sandbox, and for
// a sample of the cases once more under a seccomp filter that forbids io_uring, as in
// most containers; ipvl -d link has to tell of either. Flag -all takes all kinds, and
// all cases, -kernel runs the kernel's driver now, -renew keeps
// what it did as the record, -case takes some cases only. Of each case there is
// one line (of those that are as they should be with -v only):
//
//	same: CASE
//	on purpose: CASE (WHY)    it differs, and testdata/on-purpose.txt says why
//	DIFFERENT: CASE           a failure, with the lines that only one side saw
//	SAME BY NOW, …: CASE      a failure: it is to be taken off the list
//	NOT AS RECORDED …: CASE   the kernel did something else than in the record
//
// # When everything has been seen
//
// Nothing waits for a time, but for what has to happen. After each stimulus sentinels go over every way that frames
// can take in the present world: unicast and group, to and from the wire, each
// device and the host. What has been received when all of them have arrived
// twice was caused by the stimulus. Group frames take a queue of their own in
// the driver, so nothing is concluded from the order of arrival, and
// observations are sorted. Where the record expects more than has come,
// sentinels go on for a moment, because the appliance learns of changes by
// netlink a moment after ip(8) returns.
//
// A monitor (ip monitor, ipvl monitor) is called: something happens to the
// loopback interface of its namespace, and what it has printed before it tells
// of that is all there is. Bursts, which fill the queue for group frames, are
// told by counters: sockets are too small for them. Their sender keeps the
// kernel's worker from running (SCHED_FIFO, one processor); the binary's runs
// beside it.
//
// A route that nobody uses marks what was done to the host: once the appliance
// shows it, it has seen the rest.
//
// # What is not compared
//
// Error codes of sending, and the words of refusals; what stacks say in their
// own time (group reports, probes of known neighbours, errors of those that never
// answered); what they ask for, but for cases that have a world of their own; IP
// identifications and flow labels of the stacks' choice, ports from 61000 up;
// operational states other than up and down; of what monitors print, indexes,
// ids of namespaces, qdiscs and queues, and what is true for a moment only; in
// l3s what captures of the host and of devices see behind the driver.
package conformance
