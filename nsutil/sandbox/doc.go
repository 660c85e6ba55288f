// Package sandbox runs a command as root of fresh user, network and mount
// namespaces, as an ordinary user of the machine: a LAN for a test or a
// demonstration, which touches nothing outside and is gone with its last process.
//
// A program that wants it calls Init first thing in main (a test in TestMain),
// and starts commands that Command made. Such a command is the running binary
// again, in up to three stages, known by its argv[0]:
//
//	caller ── become an ordinary user (only where the caller is root)
//	          └─ new namespaces, uid and gid 0 mapped to that user
//	             └─ private mounts, tmpfs on /run, fresh /sys and /proc where allowed, lo up, exec argv
//
// The first stage is a process of its own because a namespace belongs to who
// makes it: made by root, it would not show what an ordinary user may do. It
// stays and waits. Each stage is killed when the one above dies.
//
// What the sandbox does not give: other uids than 0 (one is mapped), device
// nodes, limits. It hides nothing of the file system but /run.
package sandbox
