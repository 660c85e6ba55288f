package grammar_test

import (
	"os"
	"strconv"
	"strings"
	"testing"
)

// recording is one command of ip(8) and what came of it.
type recording struct {
	line   string
	args   []string
	output string
	exit   int
}

// recordings reads testdata: "$ ARGUMENTS", the output, "# exit N".
func recordings(t *testing.T, path string) []recording {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out []recording
	var cur *recording
	for line := range strings.Lines(string(text)) {
		switch {
		case strings.HasPrefix(line, "$ "):
			line = strings.TrimSuffix(line[2:], "\n")
			out = append(out, recording{line: line, args: split(line)})
			cur = &out[len(out)-1]
		case cur != nil && strings.HasPrefix(line, "# exit "):
			n, err := strconv.Atoi(strings.TrimSpace(line[len("# exit "):]))
			if err != nil {
				t.Fatalf("%s: %q", path, line)
			}
			cur.exit, cur = n, nil
		case cur != nil:
			cur.output += line
		}
	}
	if len(out) == 0 {
		t.Fatalf("%s holds no recording", path)
	}
	return out
}

// split splits as a shell does, with double quotes alone.
func split(line string) []string {
	var out []string
	for i := 0; i < len(line); {
		switch line[i] {
		case ' ':
			i++
		case '"':
			end := strings.IndexByte(line[i+1:], '"')
			out = append(out, line[i+1:i+1+end])
			i += end + 2
		default:
			end := strings.IndexByte(line[i:]+" ", ' ')
			out = append(out, line[i:i+end])
			i += end
		}
	}
	return out
}
