package nsutil

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ipvl/ipvl/nsutil/sandbox/sandboxtest"
)

func TestResolveSaysWhatIPSays(t *testing.T) {
	for _, tc := range []struct {
		spec, text string
		errno      error
	}{
		{"ipvl-none", `Cannot open network namespace "ipvl-none": No such file or directory`, unix.ENOENT},
		{"/none/x", `Cannot open network namespace "/none/x": No such file or directory`, unix.ENOENT},
		{"2147483647", `Cannot open network namespace "2147483647": No such file or directory`, unix.ENOENT},
		{"/dev/null", `Cannot open network namespace "/dev/null": Invalid argument`, unix.EINVAL},
		{"/proc/self/ns/mnt", `Cannot open network namespace "/proc/self/ns/mnt": Invalid argument`, unix.EINVAL},
		{"..", `Cannot open network namespace "..": Invalid argument`, unix.EINVAL},
	} {
		_, err := Resolve(tc.spec)
		var typed *NetnsError
		if !errors.As(err, &typed) || !errors.Is(err, tc.errno) || err.Error() != tc.text {
			t.Errorf("%q: %v", tc.spec, err)
		}
	}
}

func TestResolveFindsOneNamespaceByAllItsNames(t *testing.T) {
	pid := fmt.Sprint(os.Getpid())
	var refs []Ref
	for _, spec := range []string{"", pid, "/proc/self/ns/net"} {
		ref, err := Resolve(spec)
		if err != nil {
			t.Fatal(err)
		}
		refs = append(refs, ref)
	}
	for _, r := range refs {
		if !Same(r, refs[0]) {
			t.Errorf("%q is another namespace", r)
		}
	}
	if refs[0].IsOwn() == refs[1].IsOwn() {
		t.Error("only the zero Ref is own by definition")
	}
}

func TestDoRunsThereAndComesBack(t *testing.T) {
	sandboxtest.Each(t, func(t *testing.T) {
		a, b := addNetns(t, "a"), addNetns(t, "b")
		if Same(a, b) || Same(a, Ref{}) {
			t.Fatal("namespaces are the same")
		}
		home := Ref{}.ID()
		err := a.Do(func() error {
			if got := (Ref{}).ID(); got != a.ID() {
				t.Errorf("inside a: %v, want %v", got, a.ID())
			}
			return b.Do(func() error {
				if got := (Ref{}).ID(); got != b.ID() {
					t.Errorf("inside b: %v, want %v", got, b.ID())
				}
				return unix.EIO
			})
		})
		if !errors.Is(err, unix.EIO) {
			t.Errorf("error of fn: %v", err)
		}
		everyThreadIs(t, home)
	})
}

// everyThreadIs checks the namespace of all threads that the scheduler may
// put a goroutine on.
func everyThreadIs(t *testing.T, want ID) {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		got, err := pathID("/proc/self/task/" + task.Name() + "/ns/net")
		if err == nil && got != want { // ENOENT: it has ended meanwhile
			t.Errorf("thread %s is in %v, want %v", task.Name(), got, want)
		}
	}
}

// Others find the process's namespace by its PID, that is by its first thread.
func TestDoSparesTheFirstThread(t *testing.T) {
	sandboxtest.User(t, func(t *testing.T) {
		a := addNetns(t, "a")
		self, err := Resolve(fmt.Sprint(os.Getpid()))
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for range 500 {
			all.Go(func() {
				err := a.Do(func() error {
					f, err := self.Open()
					if err == nil {
						f.Close()
					}
					return err
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	})
}

func TestDoSurvivesGoexit(t *testing.T) {
	sandboxtest.User(t, func(t *testing.T) {
		a := addNetns(t, "a")
		if err := a.Do(func() error { runtime.Goexit(); return nil }); err == nil {
			t.Fatal("no error although the function did not return")
		}
		if err := a.Do(func() error { return nil }); err != nil {
			t.Fatal(err)
		}
	})
}

func TestRefNoticesAnotherNamespaceOfTheName(t *testing.T) {
	sandboxtest.User(t, func(t *testing.T) {
		old := addNetns(t, "a")
		keep, err := old.Open() // so that the kernel cannot give its inode again
		if err != nil {
			t.Fatal(err)
		}
		defer keep.Close()
		sandboxtest.DelNetns(t, "a")
		sandboxtest.AddNetns(t, "a")
		called := false
		err = old.Do(func() error { called = true; return nil })
		if !errors.Is(err, ErrChanged) || called {
			t.Fatalf("error %v, called %v", err, called)
		}
		if NameOf(old.ID()) != "" {
			t.Error("the old namespace still has a name")
		}
		now, err := Resolve("a")
		if err != nil || NameOf(now.ID()) != "a" {
			t.Errorf("name of the new one: %q, %v", NameOf(now.ID()), err)
		}
	})
}

func TestNSIDIsFoundAgain(t *testing.T) {
	sandboxtest.Each(t, func(t *testing.T) {
		a, b := addNetns(t, "a"), addNetns(t, "b")
		idA, errA := NSID(a)
		idB, errB := NSID(b)
		if err := errors.Join(errA, errB); err != nil || idA < 0 || idB < 0 || idA == idB {
			t.Fatalf("ids %d and %d: %v", idA, idB, err)
		}
		if again, err := NSID(a); err != nil || again != idA {
			t.Errorf("asked again: %d, %v", again, err)
		}
		if got, err := ByNSID(idB); err != nil || !Same(got, b) {
			t.Errorf("by id %d: %v, %v", idB, got, err)
		}
		if _, err := ByNSID(99); !errors.Is(err, ErrUnknownNetns) {
			t.Errorf("unknown id: %v", err)
		}
		if own, err := NSID(Ref{}); err != nil || own != -1 {
			t.Errorf("own: %d, %v", own, err)
		}
	})
}
