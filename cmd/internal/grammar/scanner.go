package grammar

import (
	"strconv"
	"strings"
)

// scanner walks an argument list.
type scanner struct {
	args []string
	pos  int
}

// next gives the next argument, or false at the end.
func (s *scanner) next() (string, bool) {
	if s.pos >= len(s.args) {
		return "", false
	}
	s.pos++
	return s.args[s.pos-1], true
}

// value gives the argument that a word needs.
func (s *scanner) value() (string, error) {
	v, ok := s.next()
	if !ok {
		return "", incomplete()
	}
	return v, nil
}

// rest gives what is left, and leaves nothing.
func (s *scanner) rest() []string {
	out := s.args[s.pos:]
	s.pos = len(s.args)
	return out
}

// abbreviates tells if arg is a not empty prefix of word.
func abbreviates(arg, word string) bool {
	return arg != "" && strings.HasPrefix(word, arg)
}

// word is one keyword of a table. T is what the table fills in.
type word[T any] struct {
	name  string
	short bool // may be abbreviated
	flag  bool // stands alone: take gets ""
	// theirs is a word of ip(8) that is refused.
	theirs bool
	take   func(t T, value string) error
}

// walk hands each argument to the first word that fits; other gets those that
// none fits.
func walk[T any](s *scanner, words []word[T], t T, other func(arg string) error) error {
	for {
		arg, ok := s.next()
		if !ok {
			return nil
		}
		w := find(words, arg)
		if w == nil {
			if err := other(arg); err != nil {
				return err
			}
			continue
		}
		v := ""
		if !w.flag {
			var err error
			if v, err = s.value(); err != nil {
				return err
			}
		}
		if err := w.take(t, v); err != nil {
			return err
		}
	}
}

func find[T any](words []word[T], arg string) *word[T] {
	for i, w := range words {
		if w.name == arg || (w.short && abbreviates(arg, w.name)) {
			return &words[i]
		}
	}
	return nil
}

// integer reads a number as strtol(3) with base 0 does: decimal, 0x or 0.
func integer(arg string) (int, bool) {
	if strings.Contains(arg, "_") || strings.ContainsAny(arg, "oObB") && !isHex(arg) {
		return 0, false
	}
	v, err := strconv.ParseInt(arg, 0, 32)
	return int(v), err == nil
}

// unsigned is integer for 32 bits without sign.
func unsigned(arg string) (uint32, bool) {
	if strings.Contains(arg, "_") || strings.ContainsAny(arg, "oObB") && !isHex(arg) {
		return 0, false
	}
	v, err := strconv.ParseUint(arg, 0, 32)
	return uint32(v), err == nil
}

func isHex(arg string) bool {
	arg = strings.TrimLeft(arg, "+-")
	return strings.HasPrefix(arg, "0x") || strings.HasPrefix(arg, "0X")
}

func onOff(key, arg string) (bool, error) {
	switch arg {
	case "on":
		return true, nil
	case "off":
		return false, nil
	}
	return false, syntax(ExitSyntax, `Error: argument of "%s" must be "on" or "off", not "%s"`, key, arg)
}

// validName checks a new interface's name as the kernel's dev_valid_name does.
func validName(name string) bool {
	return len(name) <= 15 && validAltName(name) && name != "." && name != ".." && !strings.Contains(name, ":")
}

// validAltName is the check of ip(8) for a name that exists: it may be one of
// the longer alternative names.
func validAltName(name string) bool {
	return name != "" && !strings.ContainsAny(name, "/ \t\n\v\f\r\x00")
}
