package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestUsage(t *testing.T) {
	for _, args := range [][]string{nil, {""}, {"-h"}, {insideArg}, {"a", "b"}} {
		if code := run(args); code != exitUsage {
			t.Errorf("%q: exit code %d", args, code)
		}
	}
}

func TestOpenBinaryRefusesWhatIsNoProgram(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "none"): "make build", text: "not a program", dir: "not a program",
	} {
		if f, err := openBinary(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v", path, f, err)
		}
	}
}

func TestFindToolsNamesWhatIsMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if err := findTools(); err != nil {
		t.Errorf("the usual folders are not looked at: %v", err)
	}
}
