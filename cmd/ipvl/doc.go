// Command ipvl is IPVLAN in user space: "ipvl serve" is the appliance, every
// other command asks it, in the grammar of ip(8). What ip(8) has no words for,
// filter, nat and the options of a device, has words in its manner.
//
// # Data flow
//
// An argument list goes to package grammar, which yields a request or an error;
// the request goes to the appliance by package api; the answer goes to package
// render and out. Only serve, version and completion are commands of urfave/cli,
// chosen by the first argument: the options of ip(8) may be abbreviated in ways
// that no flag package knows.
//
// # Exit status
//
// 0; 1 and 255 for mistakes in the command line, as ip(8) has them; 1 for a device
// that is not there; 2 for what the appliance refuses, and where there is none.
// Nothing is written to stderr on success.
//
// # Signals
//
// serve ends cleanly on the first SIGTERM or SIGINT, and at once on the second. The
// other commands leave signals alone.
package main
