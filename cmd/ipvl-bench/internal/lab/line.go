package lab

import (
	"fmt"
	"strings"
)

// kind is what a line does.
type kind byte

const (
	run    kind = ':'
	keep   kind = '&'
	sysctl kind = '='
	wait   kind = 'w'
)

// line is one line, parsed.
type line struct {
	kind  kind
	space string
	argv  []string
}

// parse reads a line; names stands for what is in braces.
func parse(text string, names *strings.Replacer) (line, error) {
	words := strings.Fields(names.Replace(text))
	if len(words) < 2 {
		return line{}, fmt.Errorf("line %q has no command", text)
	}
	if words[0] == "wait" {
		return line{kind: wait, argv: words[1:]}, nil
	}
	l := line{space: words[0][:len(words[0])-1], kind: kind(words[0][len(words[0])-1]), argv: words[1:]}
	switch {
	case l.space == "", l.kind != run && l.kind != keep && l.kind != sysctl:
		return line{}, fmt.Errorf("line %q does not begin with SPACE: or SPACE& or SPACE=", text)
	case l.kind == sysctl && len(l.argv) != 2:
		return line{}, fmt.Errorf("line %q: a sysctl is a name and a value", text)
	}
	return l, nil
}

// readyFD tells whether a program is asked to say when it is ready.
func (l line) readyFD() bool {
	return strings.Contains(strings.Join(l.argv, " ")+" ", "--ready-fd 3 ") ||
		strings.Contains(strings.Join(l.argv, " ")+" ", "--ready-fd=3 ")
}
