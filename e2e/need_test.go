package e2e

import (
	"os"
	"os/exec"
	"testing"
)

// need skips a test for which one of the programs is missing: the only skip of
// this module. The README's test command installs all of them, so that in CI a
// missing one is a failure.
func need(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		_, err := exec.LookPath(p)
		switch {
		case err == nil:
		case os.Getenv("CI") == "true":
			t.Fatalf("%s is missing, and is on the list of what has to be there", p)
		default:
			t.Skipf("%s is missing: install it (make setup)", p)
		}
	}
}
