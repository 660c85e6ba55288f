// Package grammar turns argument lists in the grammar of ip(8) into values. It
// touches nothing: no file, no socket, no namespace. The same list gives the same
// [Command], or the same [Error], everywhere.
//
// # Rules
//
// They are those of ip from iproute2 6.1. Options stand before the object and
// may be shortened, -d for -details; where two fit, the first of ip's own list
// is meant, so -s is -stats and -b is -batch. Objects, verbs and most words may
// be shortened likewise, by ip's order of precedence: "l" is link, "m" is
// maddress (which ipvl does not have), "mo" is monitor, "link s" is link set,
// "addr s" is addr show. Words that ip compares whole are compared whole. A
// word that is no keyword where a device may stand is a device.
//
// Each object has a table of words in ip's order; a scanner walks the list and
// hands each word to the first entry that fits. After the list, a finishing step
// checks what belongs together and builds a request of package api.
//
// # What ip(8) does not have
//
// The objects filter and nat, and the words of a device's options, stand after
// all of ip's, so that no abbreviation of ip's changes its meaning. A rule is
// words in any order, each once, and the action last; nothing may follow. It is
// checked by package rules before it becomes a request.
//
// # Errors
//
// Where ip has a sentence and an exit status for a mistake, they are the same
// here, with ipvl for ip: 1 or 255 for mistakes in the command line (ip has no
// rule which; the recordings in testdata are followed). Status 2 is a refusal:
// what ip can do, and the appliance does not.
//
// # Canonical form
//
// [Command.Args] writes a command as the list that parses to the same value:
// whole words in one order. The fuzz test holds Parse to that. Package render
// prints rules and options in the same words: a second fuzz test gives what it
// prints to Parse again.
package grammar
