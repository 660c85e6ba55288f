// Package nstest gives the tests of byte ports network namespaces and
// interfaces of their own. Only tests import it.
//
// Main, called by TestMain, runs the test binary again as root of new user and network
// namespaces: the tests need no privilege, and leave nothing behind. The
// identity outside stays the caller's, so root can still open /dev/net/tun.
//
// In there a test makes as many Namespaces as it wants. Do brings a thread into
// one and takes it back, so that nothing but the Namespace, and what was opened
// or moved there, keeps it alive. All methods may be called from any goroutine that
// may call t.Fatal; none may be called within Do. What is in a namespace waits
// for what the kernel does later (WaitUp), never for a time.
package nstest
