package conformance

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// step is one stimulus: a frame sent somewhere, or a command run somewhere.
type step struct {
	text   string // as in the file, which is also how the record names it
	where  string
	frame  []byte // or nil
	layers string
	argv   []string
	// burst is how often a burst sends the frame, from each of the places in argv.
	burst int
}

// testCase is a world and what is done to it. A case with commands leaves a
// changed world behind: the next one gets a fresh one.
type testCase struct {
	key   string
	world world
	steps []step
}

// commands is 1 for a case that changes its world, and else 0.
func (c testCase) commands() (n int) {
	for _, s := range c.steps {
		if s.frame == nil && s.argv[0] != "show" && s.argv[0] != "reply" {
			n = 1
		}
	}
	return n
}

// bursts says that frames come thick in a case.
func (c testCase) bursts() bool {
	return slices.ContainsFunc(c.steps, func(s step) bool { return s.burst > 0 })
}

// world is what a case starts from: mode and flag of the master.
type world struct{ mode, flag string }

func (w world) String() string { return w.mode + "/" + w.flag }

// loadCases reads all testdata/*.case.
func loadCases() ([]testCase, error) {
	files, err := filepath.Glob("testdata/*.case")
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("no case files: %w", err)
	}
	var all []testCase
	seen := map[string]bool{}
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		lines := bufio.NewScanner(f)
		var group []string
		flush := func() error {
			cases, err := parseCases(group)
			group = nil
			for _, c := range cases {
				if seen[c.key] {
					return fmt.Errorf("%s: twice: %s", name, c.key)
				}
				seen[c.key] = true
			}
			all = append(all, cases...)
			return err
		}
		for n := 1; lines.Scan(); n++ {
			line, _, _ := strings.Cut(lines.Text(), "#!")
			switch {
			case strings.TrimSpace(line) == "":
			case line[0] == ' ' || line[0] == '\t':
				group = append(group, strings.TrimSpace(line))
			default:
				if err := flush(); err != nil {
					return nil, fmt.Errorf("%s, before line %d: %w", name, n, err)
				}
				group = []string{strings.TrimSpace(line)}
			}
		}
		if err := flush(); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return all, nil
}

// parseCases reads one head line and its steps: "l2/bridge wire: eth …" is a
// case of one step; "case l2/bridge NAME" has them on the lines that follow.
func parseCases(group []string) ([]testCase, error) {
	if len(group) == 0 {
		return nil, nil
	}
	var all []testCase
	rest, many := strings.CutPrefix(group[0], "case ")
	for _, head := range expand(rest) {
		w, text, _ := strings.Cut(head, " ")
		mode, flag, ok := strings.Cut(w, "/")
		if !ok {
			return nil, fmt.Errorf("no world in %q", head)
		}
		c := testCase{key: head, world: world{mode, flag}}
		lines := group[1:]
		if !many {
			lines = []string{text}
		}
		for _, line := range lines {
			first, _, _ := strings.Cut(text, " ")
			for _, l := range expand(strings.ReplaceAll(line, "$1", first)) {
				s, err := parseStep(l)
				if err != nil {
					return nil, fmt.Errorf("%s: %w", l, err)
				}
				c.steps = append(c.steps, s)
			}
		}
		all = append(all, c)
	}
	return all, nil
}

// parseStep reads "a: eth …" (a frame from there) or "a# ip …" (a command there).
func parseStep(s string) (step, error) {
	for _, verb := range []string{"show", "news", "told", "reply"} {
		if of, ok := strings.CutPrefix(s, verb+" "); ok {
			where, how, _ := strings.Cut(of, " ")
			return step{text: s, where: where, argv: append([]string{verb}, strings.Fields(how)...)}, nil
		}
	}
	if of, ok := strings.CutPrefix(s, "count "); ok {
		return step{text: s, argv: append([]string{"count"}, strings.Fields(of)...)}, nil
	}
	if of, ok := strings.CutPrefix(s, "burst "); ok {
		return parseBurst(s, of)
	}
	where, rest, _ := strings.Cut(s, " ")
	name := strings.TrimRight(where, ":#")
	out := step{text: s, where: name}
	if strings.HasSuffix(where, ":") {
		b, err := build(rest)
		out.frame, out.layers = b, rest
		return out, err
	}
	out.argv = strings.Fields(rest)
	if !strings.HasSuffix(where, "#") {
		return out, fmt.Errorf("neither a frame nor a command")
	}
	return out, nil
}

// parseBurst reads "a wire 600: eth …".
func parseBurst(text, of string) (step, error) {
	head, layers, _ := strings.Cut(of, ":")
	words := strings.Fields(head)
	if len(words) < 2 {
		return step{}, fmt.Errorf("a burst is from somewhere, and of a number of frames")
	}
	n, err := strconv.Atoi(words[len(words)-1])
	if err != nil || n < 1 {
		return step{}, fmt.Errorf("a burst of %q frames", words[len(words)-1])
	}
	b, err := build(strings.TrimSpace(layers))
	return step{text: text, frame: b, layers: layers, argv: words[:len(words)-1], burst: n}, err
}

// expand does what a shell does with braces: all combinations, in order.
func expand(s string) []string {
	from := strings.IndexByte(s, '{')
	if from < 0 {
		return []string{s}
	}
	depth, start := 0, from+1
	var parts []string
	for i := from; i < len(s); i++ {
		switch c := s[i]; {
		case c == '{':
			depth++
		case c == ',' && depth == 1:
			parts = append(parts, s[start:i])
			start = i + 1
		case c == '}':
			if depth--; depth > 0 {
				continue
			}
			parts = append(parts, s[start:i])
			var all []string
			for _, p := range parts {
				for _, e := range expand(s[:from] + p + s[i+1:]) {
					all = append(all, strings.Join(strings.Fields(e), " "))
				}
			}
			return all
		}
	}
	return []string{s}
}
