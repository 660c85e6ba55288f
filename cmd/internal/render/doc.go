// Package render prints the appliance's answers in the shapes of ip(8) of
// iproute2 6.1: text, -brief, -oneline, -json and -json -pretty, with -details
// and -statistics, byte for byte, trailing blanks included, and JSON keys in its
// order. What ip prints was recorded on a 6.1 kernel with its own ipvlan driver;
// the recordings are in testdata, and the tests compare against them.
//
// # Data flow
//
// Each exported function takes a writer, [Options] and values of package api,
// and writes once. Inside, a printer holds a text buffer or a JSON writer; the
// functions that describe an object say key, format and value in one call, so
// the order of the words and that of the keys cannot drift apart.
//
// # What is ours
//
// Under -details, devices of the appliance get a further line, "    ipvl backend
// tap io uring dev_id 1 drops …", after all that ip prints of a link, and in JSON a
// further key "ipvl" of the link object. An address that was refused because
// another device of the master owns it gets "       ipvl refused".
//
// Options of a device that differ from the kernel's driver follow mode and flag,
// and are keys of info_data; without any the output is byte for byte ip's.
//
// filter and nat are printed in the manner of ip rule: a line for each chain, one
// for each rule, in words that can be given to add. JSON has the counters always,
// text with -statistics.
//
// # Limits
//
// Kinds other than ipvlan print their name without their data ("bridge" without
// its forward_delay). Control characters in an alias are printed as '?' in text
// and escaped in JSON: an alias is set by the workload, and read by the operator.
package render
