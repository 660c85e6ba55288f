// Command ipvl-demo shows what ipvl does, for real: it lays out the example of
// the kernel's ipvlan document in a sandbox and proves each step.
//
//	ipvl-demo PATH-OF-IPVL
//
// The topology, all of it in namespaces of the sandbox's own:
//
//	far                     lan                       default namespace               ns0: ipvl0
//	192.0.2.7 ───────────── 192.0.2.1                 eth0 10.0.0.1                ┌─ 10.0.0.11 fd00::11
//	2001:db8::7             2001:db8::1               fd00::1 (the master)   ipvl ─┤
//	                        10.0.0.100 ────────────── (the wire: a veth pair)      └─ 10.0.0.12 fd00::12
//	                        fd00::100                                                 ns1: ipvl1
//
// lan is the host on the master's wire, and a router; far is what only a route
// leads to. ns0 and ns1 are also joined by a plain veth pair, as the measure of
// throughput.
//
// # Two processes
//
// The outer one checks what it needs and starts itself in a sandbox, as an
// ordinary user in fresh user, network, mount and PID namespaces. It hands the
// binary of ipvl over as standard input, because a user that root becomes may not
// reach the path. Ctrl-C is for it alone: it tells the sandbox to end, and kills it if
// it does not.
//
// The inner one is process 1 of its PID namespace: it puts the binary on a tmpfs
// of its own, runs the plan, and when it ends, in whatever way, the kernel ends every
// process and frees every interface that it made. So nothing is ever left: no
// file is written outside the sandbox.
//
// # Plan
//
// The plan is a list of steps: commands, printed in the grammar of ip(8) as they
// are run, and proofs, each one line. A command that fails stops the plan; a proof
// that fails does not. Every step has a deadline, and so have both processes.
//
// # Limits
//
// Linux with unprivileged user namespaces, ip(8), ping(8) and nsenter(1). The
// silence of what must not work is listened to for one second. Throughput is of this
// machine at this moment: only the ratio of the interleaved rounds says something.
package main
