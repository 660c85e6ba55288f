package main

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/ipvl/ipvl/cmd/internal/api"
)

func TestSystemdIsTold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "n")
	for _, name := range []string{path, "@ipvl-test-" + strings.ReplaceAll(path, "/", "-")} {
		conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := notify(name, "READY=1"); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 100)
		if n, err := conn.Read(got); err != nil || string(got[:n]) != "READY=1" {
			t.Errorf("%q, %v", got[:n], err)
		}
	}
	if err := notify("", "READY=1"); err != nil {
		t.Errorf("nobody to tell: %v", err)
	}
	if err := notify(filepath.Join(t.TempDir(), "none"), "READY=1"); !errors.Is(err, syscall.ENOENT) {
		t.Errorf("%v", err)
	}
}

func TestReadyDescriptorGetsALineAndTheEnd(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	fd, err := syscall.Dup(int(w.Fd())) // one that is not also w's to close
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
	ready, err := openReadyFD(fd)
	if err != nil {
		t.Fatal(err)
	}
	if err := ready.signal(); err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(r); string(text) != "\n" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
	none, err := openReadyFD(-1)
	if none != nil || err != nil || none.signal() != nil {
		t.Errorf("none: %v, %v", none, err)
	}
}

func TestServeRefusesASocketThatIsHeld(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	ln, err := api.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	out, errs, status := ipvl(t, "serve", "--socket", path, "--log-level", "error")
	// An ordinary user is refused before that: it may not watch the namespaces.
	if out != "" || status != 2 || !strings.HasPrefix(errs, "Error: ") {
		t.Errorf("%d %q %q", status, out, errs)
	}
}

func TestLogs(t *testing.T) {
	var b strings.Builder
	log, err := newLogger(&b, "warn", true)
	if err != nil {
		t.Fatal(err)
	}
	log.Info("unseen")
	log.Warn("seen", slog.String("k", "v"))
	if got := b.String(); !strings.Contains(got, `"msg":"seen","k":"v"`) || strings.Contains(got, "unseen") {
		t.Errorf("%q", got)
	}
}
