// Package api is how the commands of ipvl reach the appliance: the requests and
// answers as values (types.go), a server that hands them to a [Backend], and a
// [Client] with one method for each.
//
// # Data flow
//
// A command line becomes a request value (package grammar), which [Client]
// posts as JSON over a unix socket to /v1/OBJECT/VERB; filter and nat are both
// object rule, which is shown or changed, in the values of stack/rules. The server decodes it
// strictly, calls the Backend, applies the request's filters to what comes
// back, and answers with JSON. What an appliance refuses comes back as an
// [Error]. monitor is answered with one JSON value a line until either side
// ends it; its headers are sent once the Backend has subscribed, so a client
// that has them misses nothing.
//
// # Who may ask
//
// The socket is 0600 in a directory of mode 0700, made so from its first
// moment (fchmod before bind). Besides, each connection's peer credentials are
// read at accept: the user that the server runs as, and root of the server's
// user namespace, are served; others get 403.
//
// # Limits
//
// A request is at most 64 KiB and must arrive within ten seconds. An answer, and
// each event of monitor, must be taken by the client within ten seconds: who
// does not read is cut off, so that a stopped reader holds up nobody. A panic in
// a handler is logged and answered with 500; the process lives on.
//
// # Ownership and locks
//
// The package holds no lock and keeps nothing between requests. A [Listener]
// owns the socket file and, for as long as it is open, the lock file beside it:
// of two that start at once, one is refused. The lock file stays behind, since
// removing it would let two processes hold "the" lock.
package api
