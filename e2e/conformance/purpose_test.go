package conformance

import (
	"fmt"
	"os"
	"strings"
)

// purpose says why cases differ and shall.
type purpose struct{ pattern, why string }

// readPurposes reads lines "PATTERN => WHY". A pattern is the name of a case; a
// star stands for anything.
func readPurposes(path string) ([]purpose, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var all []purpose
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#!") {
			continue
		}
		pattern, why, ok := strings.Cut(line, "=>")
		if !ok {
			return nil, fmt.Errorf("%s: no reason in %q", path, line)
		}
		for _, p := range expand(strings.TrimSpace(pattern)) {
			all = append(all, purpose{p, strings.TrimSpace(why)})
		}
	}
	return all, nil
}

func reason(all []purpose, key string) string {
	for _, p := range all {
		if matches(p.pattern, key) {
			return p.why
		}
	}
	return ""
}

// matches compares with a pattern whose stars stand for anything.
func matches(pattern, s string) bool {
	head, tail, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == s
	}
	rest, ok := strings.CutPrefix(s, head)
	if !ok {
		return false
	}
	for i := 0; i <= len(rest); i++ {
		if matches(tail, rest[i:]) {
			return true
		}
	}
	return false
}
