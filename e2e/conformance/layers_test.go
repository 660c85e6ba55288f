package conformance

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// layer is one word with its arguments of the frame language: positional
// ones, and key=value.
type layer struct {
	name string
	args []string
	opt  map[string]string
	err  *error
}

// parseLayers reads "eth MM PM; ip4 P4 A4 ttl=1; udp".
func parseLayers(s string, err *error) []layer {
	var all []layer
	for part := range strings.SplitSeq(s, ";") {
		words := strings.Fields(part)
		if len(words) == 0 {
			*err = fmt.Errorf("an empty layer in %q", s)
			return nil
		}
		l := layer{name: words[0], opt: map[string]string{}, err: err}
		for _, w := range words[1:] {
			if k, v, ok := strings.Cut(w, "="); ok {
				l.opt[k] = v
			} else {
				l.args = append(l.args, w)
			}
		}
		all = append(all, l)
	}
	return all
}

func (l layer) fail(err error) {
	if err != nil && *l.err == nil {
		*l.err = fmt.Errorf("%s %v: %w", l.name, l.args, err)
	}
}

func (l layer) arg(i int, def string) string {
	if i < len(l.args) {
		return l.args[i]
	}
	return def
}

func (l layer) mac(i int, def string) []byte {
	m, err := mac(l.arg(i, def))
	l.fail(err)
	if err != nil {
		return make([]byte, 6)
	}
	return m
}

func (l layer) addr(i int, size int) []byte {
	a, err := addr(l.arg(i, ""))
	if err == nil && a.BitLen() != size*8 {
		err = fmt.Errorf("%s is of the other family", a)
	}
	l.fail(err)
	if err != nil {
		return make([]byte, size)
	}
	return a.AsSlice()
}

// num is option key as a number; 0x marks hexadecimal.
func (l layer) num(key string, def int) int {
	s, ok := l.opt[key]
	if !ok {
		return def
	}
	return l.parse(s)
}

func (l layer) argNum(i, def int) int {
	if i >= len(l.args) {
		return def
	}
	return l.parse(l.args[i])
}

func (l layer) parse(s string) int {
	n, err := strconv.ParseInt(s, 0, 32)
	l.fail(err)
	return int(n)
}

func (l layer) hex(key string) []byte {
	b, err := hex.DecodeString(l.opt[key])
	l.fail(err)
	return b
}

func (l layer) flag(name string) bool {
	for _, a := range l.args {
		if a == name {
			return true
		}
	}
	return false
}
