// Command ipvl-bench measures ipvl beside the kernel's own ways and beside other
// user-space networks, in one interleaved run, and says where it stands.
//
//	ipvl-bench [flags] PATH-OF-IPVL
//	ipvl-bench -growth [flags] PATH-OF-IPVL
//
// # Processes
//
//	outside ─ an ordinary user's sandbox ─ inside ─┬ ipvl serve, slirp4netns, … (one topology each)
//	  │  programs, as tar on standard input  │     └ server and client of one load
//	  └──────── the report, JSON ◄───────────┘
//
// The outer process packs the programs, starts itself in a sandbox (fresh user,
// network, mount and PID namespaces; root becomes nobody), and writes the report's
// files. Where only root may open /dev/net/tun and root runs it, a node that
// everybody can open is put over it in a mount namespace of its own. The inner one is process
// 1 there: when it ends, in whatever way, everything that it made is gone.
//
// # A run
//
// All topologies are built first, and stay: an idle one costs nothing. Then in each
// round, measure by measure, every contender has its turn, in an order that
// changes with the round: what the machine does meanwhile hits all alike. Contenders
// and measures are plain tables (ours.go, kernel.go, peers.go, inprocess.go;
// measures.go). One load generator serves all (internal/load); netstacks in this process use
// it over gonet (internal/inproc).
//
// One core means that client, server and switch are bound to it: the length of the
// path, without waking another core. CPU a Gbit is of the whole machine, from
// /proc/stat, while TCP runs with one stream. Resident memory is that of the
// processes that carry frames, after that.
//
// # Limits
//
// Ratios of one run mean something; figures of two runs do not compare. Client,
// server and switch share the machine's cores. TCP "back" is from the server: peers
// that translate addresses cannot be connected to.
package main
