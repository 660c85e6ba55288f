package render

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// jsonWriter writes JSON with the white space of iproute2's writer, which is
// not that of encoding/json: objects in an array follow each other as "},{",
// arrays stay on one line.
type jsonWriter struct {
	b      strings.Builder
	pretty bool
	depth  int
	comma  bool // something precedes at this level
}

func (j *jsonWriter) separate() {
	if j.comma {
		j.b.WriteByte(',')
	}
	j.comma = true
}

func (j *jsonWriter) newline() {
	if j.pretty {
		j.b.WriteByte('\n')
		j.b.WriteString(strings.Repeat("    ", j.depth))
	}
}

func (j *jsonWriter) key(name string) {
	j.separate()
	j.newline()
	j.comma = false
	j.quote(name)
	j.b.WriteByte(':')
	if j.pretty {
		j.b.WriteByte(' ')
	}
}

func (j *jsonWriter) begin(c byte) {
	j.separate()
	j.b.WriteByte(c)
	j.depth++
	j.comma = false
	if c == '[' && j.pretty {
		j.b.WriteByte(' ')
	}
}

func (j *jsonWriter) end(c byte) {
	j.depth--
	switch {
	case j.comma && c == ']' && j.pretty:
		j.b.WriteByte(' ')
	case j.comma && c == '}':
		j.newline()
	}
	j.b.WriteByte(c)
	j.comma = true
}

func (j *jsonWriter) str(s string) {
	j.separate()
	j.quote(s)
}

// raw writes a number or a literal.
func (j *jsonWriter) raw(s string) {
	j.separate()
	j.b.WriteString(s)
}

const hexDigits = "0123456789abcdef"

func (j *jsonWriter) quote(s string) {
	j.b.WriteByte('"')
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			j.b.WriteString(`\ufffd`)
		case r == '"' || r == '\\':
			j.b.WriteByte('\\')
			j.b.WriteRune(r)
		case r < 0x20 || r == 0x7f:
			j.b.WriteString(escape(byte(r)))
		default:
			j.b.WriteString(s[i : i+n])
		}
		i += n
	}
	j.b.WriteByte('"')
}

func escape(c byte) string {
	if i := strings.IndexByte("\t\n\r\f\b", c); i >= 0 {
		return `\` + "tnrfb"[i:i+1]
	}
	return `\u00` + hexDigits[c>>4:c>>4+1] + hexDigits[c&0xf:c&0xf+1]
}

func formatUint(n uint64) string { return strconv.FormatUint(n, 10) }
