// Package sandboxtest runs tests inside sandboxes: the running test is executed
// again there, and reports what that said. TestMain has to call sandbox.Init.
package sandboxtest

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/ipvl/ipvl/nsutil/sandbox"
)

// Each runs fn as a subtest "user" in an ordinary user's sandbox, and, where
// the tests run as root, as a subtest "root" in a sandbox that keeps root.
// There is nothing to skip.
func Each(t *testing.T, fn func(t *testing.T)) {
	t.Helper()
	In(t, sandbox.Options{}, fn)
	if os.Geteuid() == 0 && sandbox.Kind() != sandbox.KindUser {
		In(t, sandbox.Options{Root: true}, fn)
	}
}

// User runs fn as a subtest "user" in an ordinary user's sandbox.
func User(t *testing.T, fn func(t *testing.T)) {
	t.Helper()
	In(t, sandbox.Options{}, fn)
}

// In runs fn as a subtest, named after the kind of sandbox, in one that o
// describes.
func In(t *testing.T, o sandbox.Options, fn func(t *testing.T)) {
	t.Helper()
	name := sandbox.KindUser
	if o.Root {
		name = sandbox.KindRoot
	}
	switch sandbox.Kind() {
	case "":
		t.Run(name, func(t *testing.T) { again(t, o) })
	case name:
		t.Run(name, fn)
	}
}

// again executes the running test in a sandbox.
func again(t *testing.T, o sandbox.Options) {
	t.Helper()
	cmd, err := sandbox.Command(o, "", "-test.run="+exactly(t.Name()), "-test.v", "-test.count=1", "-test.timeout=5m")
	if err != nil {
		t.Fatal(err)
	}
	// The race detector's runtime lingers for a second at every exit.
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0 "+os.Getenv("GORACE"))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err = sandbox.Run(cmd)
	// A pattern that matches nothing passes as well.
	passed := bytes.Contains(out.Bytes(), []byte("--- PASS: "+t.Name()+" "))
	if err != nil || !passed {
		t.Fatalf("inside the sandbox: %v\n%s", err, out.Bytes())
	}
	if testing.Verbose() {
		t.Logf("inside the sandbox:\n%s", out.Bytes())
	}
}

// exactly is the pattern that matches one test only.
func exactly(name string) string {
	parts := strings.Split(name, "/")
	for i, p := range parts {
		parts[i] = "^" + regexp.QuoteMeta(p) + "$"
	}
	return strings.Join(parts, "/")
}
