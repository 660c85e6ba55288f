package nstest

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestMain(m *testing.M) { Main(m) }

// TestThreadsGoHome looks at all threads after some were in other namespaces.
func TestThreadsGoHome(t *testing.T) {
	home, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{home: true}
	for range 3 {
		n := New(t)
		for range 2 {
			n.Do(t, func() error {
				where, err := os.Readlink("/proc/thread-self/ns/net")
				seen[where] = true
				return err
			})
		}
	}
	if len(seen) != 4 {
		t.Errorf("%d namespaces, want this one and 3", len(seen))
	}
	links, err := filepath.Glob("/proc/self/task/*/ns/net")
	if err != nil || len(links) == 0 {
		t.Fatal("no threads", err)
	}
	for _, l := range links {
		where, err := os.Readlink(l)
		if errors.Is(err, os.ErrNotExist) {
			continue // ended since
		}
		if err != nil || where != home {
			t.Errorf("%s is %s, %v, want %s", l, where, err, home)
		}
	}
}
