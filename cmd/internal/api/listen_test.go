package api_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/ipvl/ipvl/cmd/internal/api"
)

func TestTheSocketIsTheOwnersAlone(t *testing.T) {
	old := syscall.Umask(0) // must not matter
	defer syscall.Umask(old)
	path := filepath.Join(t.TempDir(), "d", "s")
	ln, err := api.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	for name, want := range map[string]os.FileMode{filepath.Dir(path): os.ModeDir | 0o700, path: os.ModeSocket | 0o600, path + ".lock": 0o600} {
		info, err := os.Lstat(name)
		if err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v, want %v", name, info.Mode(), err, want)
		}
	}
}

func TestASecondListenerIsRefused(t *testing.T) {
	path := socketPath(t)
	first, err := api.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := api.Listen(path); err == nil || !strings.Contains(err.Error(), "another appliance") {
		t.Errorf("second: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	if err := first.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket stayed: %v", err)
	}
	third, err := api.Listen(path)
	if err != nil {
		t.Fatalf("after the first was closed: %v", err)
	}
	third.Close()
}

// Another that starts, and has no socket yet. It holds the lock in the weakest way.
func TestAStarterExcludesAnother(t *testing.T) {
	path := socketPath(t)
	lock, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_SH); err != nil {
		t.Fatal(err)
	}
	if _, err := api.Listen(path); err == nil || !strings.Contains(err.Error(), "another appliance") {
		t.Errorf("%v", err)
	}
}

// A live socket of somebody who knows of no lock.
func TestALiveSocketIsRefused(t *testing.T) {
	path := socketPath(t)
	other, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := api.Listen(path); err == nil || !strings.Contains(err.Error(), "another appliance") {
		t.Errorf("%v", err)
	}
}

func TestAStaleSocketIsRemoved(t *testing.T) {
	path := socketPath(t)
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	dead.Close()
	ln, err := api.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
}

func TestWhatIsNoSocketStays(t *testing.T) {
	path := socketPath(t)
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := api.Listen(path); err == nil {
		t.Error("listened on a file")
	}
	if text, err := os.ReadFile(path); string(text) != "precious" {
		t.Errorf("%q, %v", text, err)
	}
}

func TestOneOfManyStartersWins(t *testing.T) {
	path := socketPath(t)
	start, results := make(chan struct{}), make(chan *api.Listener)
	const n = 20
	for range n {
		go func() {
			<-start
			ln, err := api.Listen(path)
			if err != nil {
				ln = nil
			}
			results <- ln
		}()
	}
	close(start)
	won := 0
	for range n {
		if ln := <-results; ln != nil {
			won++
			defer ln.Close() // once all have tried
		}
	}
	if won != 1 {
		t.Errorf("%d listen, want 1", won)
	}
}

func TestPathsThatCannotBe(t *testing.T) {
	for _, path := range []string{"", "@abstract", "/" + strings.Repeat("x", 200), "/proc/no/such"} {
		var e *api.Error
		if _, err := api.Listen(path); !errors.As(err, &e) {
			t.Errorf("%q: %v", path, err)
		}
	}
}

func TestSocketPath(t *testing.T) {
	for _, c := range []struct {
		env  api.SocketEnv
		want string // "" is an error
	}{
		{api.SocketEnv{Flag: "/a", IPVLSocket: "/b", RunWritable: true, XDGRuntime: "/x"}, "/a"},
		{api.SocketEnv{IPVLSocket: "/b", RunWritable: true, XDGRuntime: "/x"}, "/b"},
		{api.SocketEnv{RunWritable: true, XDGRuntime: "/x"}, "/run/ipvl/api.sock"},
		{api.SocketEnv{RunWritable: true}, "/run/ipvl/api.sock"},
		{api.SocketEnv{XDGRuntime: "/run/user/1000"}, "/run/user/1000/ipvl/api.sock"},
		{api.SocketEnv{XDGRuntime: "relative"}, ""},
		{api.SocketEnv{}, ""},
		{api.SocketEnv{Flag: "@x"}, ""},
		{api.SocketEnv{IPVLSocket: "@x"}, ""},
		{api.SocketEnv{Flag: "here.sock"}, "here.sock"},
	} {
		got, err := api.SocketPath(c.env)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%+v: %q, %v, want %q", c.env, got, err, c.want)
		}
	}
}

func TestWhereNoApplianceRuns(t *testing.T) {
	path := socketPath(t)
	err := api.Client{Socket: path}.LinkDel(context.Background(), api.LinkDel{Name: "x"})
	want := "no appliance is running at " + path + " (no such file or directory); start one with: ipvl serve"
	var e *api.Error
	if !errors.As(err, &e) || e.Msg != want || !errors.Is(err, syscall.ENOENT) {
		t.Errorf("%v", err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	err = api.Client{Socket: path}.LinkDel(context.Background(), api.LinkDel{Name: "x"})
	if !errors.As(err, &e) || !strings.Contains(e.Msg, "(connection refused); start one with") {
		t.Errorf("%v", err)
	}
}
