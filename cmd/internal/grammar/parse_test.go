package grammar_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/ipvl/ipvl/cmd/internal/grammar"
)

var update = flag.Bool("update", false, "rewrite testdata from what Parse does now")

// outcome is what a command line comes to, in the form of testdata.
func outcome(args []string) (text string, exit int) {
	c, err := grammar.Parse(args)
	if err == nil {
		return strings.Join(c.Args(), " "), 0
	}
	var e *grammar.Error
	if !errors.As(err, &e) {
		return fmt.Sprintf("not a *grammar.Error: %T", err), -1
	}
	return e.Text, e.Exit
}

func TestCommandLines(t *testing.T) {
	const path = "testdata/cases.txt"
	cases := recordings(t, path)
	if len(cases) < 300 {
		t.Fatalf("%s has only %d cases", path, len(cases))
	}
	var out strings.Builder
	for _, c := range cases {
		text, exit := outcome(c.args)
		fmt.Fprintf(&out, "$ %s\n%s\n# exit %d\n", c.line, text, exit)
		if !*update && (text+"\n" != c.output || exit != c.exit) {
			t.Errorf("%s\n got (%d) %s\nwant (%d) %s", c.line, exit, text, c.exit, c.output)
		}
	}
	if *update {
		rewrite(t, path, out.String())
	}
}

// rewrite keeps the heading of the file.
func rewrite(t *testing.T, path, body string) {
	t.Helper()
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(string(old), "$ ")
	if err := os.WriteFile(path, []byte(head+body), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestSaysWhatIPSays holds every mistake to ip's own words and exit status,
// unless ours.txt says what is different here, and why it may be is in the
// manual.
func TestSaysWhatIPSays(t *testing.T) {
	const path = "testdata/ours.txt"
	ours := map[string]recording{}
	for _, r := range recordings(t, path) {
		ours[r.line] = r
	}
	rename := strings.NewReplacer(`try "ip `, `try "ipvl `, `Try "ip `, `Try "ipvl `)
	var out strings.Builder
	for _, r := range recordings(t, "testdata/ip-6.1.txt") {
		text, exit := outcome(r.args)
		if exit == r.exit && (exit == 0 || text == strings.TrimRight(rename.Replace(r.output), "\n")) {
			continue
		}
		fmt.Fprintf(&out, "$ %s\n%s\n# exit %d\n", r.line, text, exit)
		want, listed := ours[r.line]
		if !*update && (!listed || text+"\n" != want.output || exit != want.exit) {
			t.Errorf("%s\n ip (%d) %s\n got (%d) %s", r.line, r.exit, r.output, exit, text)
		}
		delete(ours, r.line)
	}
	if *update {
		rewrite(t, path, out.String())
	}
	for line := range ours {
		if !*update {
			t.Errorf("%s: listed as different, and is the same", line)
		}
	}
}

func TestCanonicalFormParsesToTheSameValue(t *testing.T) {
	for _, path := range []string{"testdata/cases.txt", "testdata/ip-6.1.txt"} {
		for _, r := range recordings(t, path) {
			if c, err := grammar.Parse(r.args); err == nil {
				checkCanonical(t, c)
			}
		}
	}
}

func checkCanonical(t *testing.T, c grammar.Command) {
	t.Helper()
	again, err := grammar.Parse(c.Args())
	if err != nil {
		t.Fatalf("%#v\ngives %q\nwhich fails: %v", c, c.Args(), err)
	}
	if !reflect.DeepEqual(c, again) {
		t.Fatalf("%#v\ngives %q\nwhich is %#v", c, c.Args(), again)
	}
}

func FuzzParse(f *testing.F) {
	for _, path := range []string{"testdata/cases.txt", "testdata/ip-6.1.txt"} {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if rest, ok := strings.CutPrefix(line, "$ "); ok {
				f.Add(strings.Join(split(strings.TrimSuffix(rest, "\n")), "\x00"))
			}
		}
	}
	f.Fuzz(func(t *testing.T, line string) {
		c, err := grammar.Parse(strings.Split(line, "\x00"))
		if err == nil {
			checkCanonical(t, c)
			return
		}
		var e *grammar.Error
		if !errors.As(err, &e) || e.Text == "" || (e.Exit != 1 && e.Exit != 2 && e.Exit != 255) {
			t.Fatalf("%q: %#v", line, err)
		}
	})
}
