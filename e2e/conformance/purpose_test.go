package conformance

import (
	"fmt"
	"os"
	"strings"
)

// readPurposes reads why cases differ and shall: a line with the reason, and
// below it, indented, the names of the cases, with braces as in the case files. A
// reason that starts with a backend in brackets is for that one alone.
func readPurposes(path, backend string) (map[string]string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	why, reasons := "", map[string]string{}
	for line := range strings.Lines(string(b)) {
		name := strings.TrimSpace(line)
		switch {
		case name == "" || strings.HasPrefix(name, "#!"):
		case line[0] != ' ' && line[0] != '\t':
			why = name
		default:
			for _, key := range expand(name) {
				if only, _, ok := strings.Cut(why, "] "); ok && only != "["+backend {
					continue
				}
				if reasons[key] != "" {
					return nil, fmt.Errorf("%s: twice: %s", path, key)
				}
				reasons[key] = why
			}
		}
	}
	return reasons, nil
}
