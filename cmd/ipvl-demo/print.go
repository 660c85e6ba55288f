package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// printer writes what the user sees.
type printer struct {
	w io.Writer
	// styled: commands are dim, headings bold, failures red.
	styled bool
}

// The styles, as SGR parameters (ECMA-48).
const (
	bold = "1"
	dim  = "2"
	red  = "31"
)

// newPrinter styles what goes to a terminal, unless NO_COLOR forbids it.
func newPrinter(f *os.File) *printer {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return &printer{w: f, styled: err == nil && os.Getenv("NO_COLOR") == ""}
}

func (p *printer) style(sgr, text string) string {
	if !p.styled {
		return text
	}
	return "\x1b[" + sgr + "m" + text + "\x1b[0m"
}

// heading begins a part.
func (p *printer) heading(title string) {
	fmt.Fprintf(p.w, "\n%s\n", p.style(bold, title))
}

// command prints a command line.
func (p *printer) command(line string) {
	fmt.Fprintln(p.w, p.style(dim, "# "+line))
}

// output prints what a command printed.
func (p *printer) output(text string) {
	for line := range strings.Lines(text) {
		fmt.Fprintln(p.w, p.style(dim, "    "+strings.TrimRight(line, " \n")))
	}
}

// ok prints a proof that held.
func (p *printer) ok(what, seen string) {
	fmt.Fprintf(p.w, "ok   %s: %s\n", what, seen)
}

// fail prints a step that did not hold.
func (p *printer) fail(what string, err error) {
	text := strings.TrimSpace(strings.ReplaceAll(err.Error(), "\n", "\n     "))
	fmt.Fprintf(p.w, "%s %s: %s\n", p.style(red, "FAIL"), what, text)
}

// line prints a line as it is.
func (p *printer) line(format string, args ...any) {
	fmt.Fprintf(p.w, format+"\n", args...)
}
