package render

import (
	"fmt"
	"io"
	"strings"
)

// Options are how an answer is printed. The zero value is ip(8)'s plain text.
type Options struct {
	JSON    bool // -j
	Pretty  bool // -p, of JSON only
	Details bool // -d
	Brief   bool // -br
	Oneline bool // -o
	Human   bool // -h: counters as 6.15M
	IEC     bool // -iec: counters in powers of 1024, with -h
	Numeric bool // -N: numbers instead of names
	Stats   int  // -s, as often as given

	// Of monitor only.
	Label      bool // [LINK] before a line
	Timestamp  bool // -t
	ShortStamp bool // -ts
}

// printer writes either text or JSON. Exactly one of the two grows.
type printer struct {
	o    Options
	text strings.Builder
	js   jsonWriter
}

func newPrinter(o Options) *printer {
	return &printer{o: o, js: jsonWriter{pretty: o.Pretty}}
}

// list prints an answer of many: in JSON, an array on a line of its own.
func list(w io.Writer, o Options, body func(*printer)) error {
	p := newPrinter(o)
	if o.JSON {
		p.js.begin('[')
	}
	body(p)
	if o.JSON {
		p.js.end(']')
		p.js.b.WriteByte('\n')
	}
	return p.flush(w)
}

func (p *printer) flush(w io.Writer) error {
	out := p.text.String()
	if p.o.JSON {
		out = p.js.b.String()
	}
	_, err := io.WriteString(w, out)
	return err
}

// nl is the line break inside an object: a backslash under -oneline.
func (p *printer) nl() {
	if p.o.Oneline {
		p.say("\\")
	} else {
		p.say("\n")
	}
}

// say prints text that JSON does not have.
func (p *printer) say(format string, args ...any) {
	if !p.o.JSON {
		fmt.Fprintf(&p.text, format, args...)
	}
}

// str prints a word: the key in JSON, the format in text. An empty format
// leaves text out, an empty key JSON.
func (p *printer) str(key, format, value string) {
	switch {
	case !p.o.JSON && format != "":
		fmt.Fprintf(&p.text, format, printable(value))
	case p.o.JSON && key != "":
		p.js.key(key)
		p.js.str(value)
	}
}

func (p *printer) num(key, format string, value uint64) {
	switch {
	case !p.o.JSON && format != "":
		fmt.Fprintf(&p.text, format, value)
	case p.o.JSON && key != "":
		p.js.key(key)
		p.js.raw(formatUint(value))
	}
}

// yes prints a flag: "key": true, or the text.
func (p *printer) yes(key, text string) { p.literal(key, text, "true") }

// null prints a flag that ip(8) gives the value null.
func (p *printer) null(key, text string) { p.literal(key, text, "null") }

func (p *printer) literal(key, text, value string) {
	if p.o.JSON {
		p.js.key(key)
		p.js.raw(value)
		return
	}
	p.text.WriteString(text)
}

// object nests what body prints under a key, "" in an array.
func (p *printer) object(key string, body func()) {
	if !p.o.JSON {
		body()
		return
	}
	if key != "" {
		p.js.key(key)
	}
	p.js.begin('{')
	body()
	p.js.end('}')
}

func (p *printer) array(key string, body func()) {
	if !p.o.JSON {
		body()
		return
	}
	p.js.key(key)
	p.js.begin('[')
	body()
	p.js.end(']')
}

// words prints an array of words, each with the format in text.
func (p *printer) words(key, format string, words []string) {
	p.array(key, func() {
		for _, w := range words {
			if p.o.JSON {
				p.js.str(w)
			} else {
				fmt.Fprintf(&p.text, format, printable(w))
			}
		}
	})
}

// printable keeps what others chose from moving the reader's cursor.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || (r >= 0x7f && r < 0xa0) {
			return '?'
		}
		return r
	}, s)
}
