// Package lab builds a topology from lines of text: network namespaces, commands in
// them, and programs that run beside.
//
// A line is one of
//
//	SPACE: COMMAND ARGUMENTS…   run it in the namespace; it has to succeed
//	SPACE& COMMAND ARGUMENTS…   keep it running; with "--ready-fd 3" it says when it is ready
//	SPACE= net/ipv4/… VALUE     a sysctl
//	wait PATH                   until a file is there
//
// Words are parted by spaces; there is no quoting. "{x}" stands for the name of
// namespace x, "{dir}" for a directory of the topology's own.
//
// Every namespace begins with lo up and without IPv6, whose automatic traffic would
// be noise. Programs end with Close, or with the process's PID namespace.
package lab
