// Package layers holds one test: it checks the direct imports of every package
// of the module against the table of layers. It has no code of its own.
//
//	        cmd/ipvl          CLI in ip(8) grammar, serve, wiring
//	       /    |    \
//	   link   stack   nsutil          e2e: the shipped binary, and nsutil
//	    |        \     /
//	    |       stack/fib             values and look-up
//	    v
//	gVisor tcpip/stack                x/sys/unix, netlink, water
package layers
