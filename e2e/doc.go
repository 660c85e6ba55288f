// Package e2e holds tests only: they drive the binary that ships, with the
// system's own ip(8) and ping(8) beside it, in namespaces of their own.
//
// TestMain builds the binary, then runs the tests again in a sandbox: as an
// ordinary user in fresh user, network and mount namespaces, where devices are
// veth pairs unless /dev/net/tun is open to everybody; where the caller is root, a
// second time as root in fresh network and mount namespaces, where devices are TAPs;
// and once more as an ordinary user with TAPs (where the caller is root a private
// mount opens /dev/net/tun to that user) under a seccomp filter that forbids
// io_uring, as container runtimes have it. Nothing outside is touched.
//
// Each test draws its topology and runs beside others. It waits for what has
// to happen, with a deadline, and never sleeps. If it fails it keeps the
// appliance's log. need is the only way to skip: it names what is missing, and
// with CI=true it fails for what the README's test command installs.
package e2e
