package grammar

import (
	"fmt"
	"strings"
)

// The exit statuses of ip(8).
const (
	ExitSyntax  = 1   // ip's functions return -1
	ExitRefused = 2   // the kernel, here the appliance or ipvl itself, said no
	ExitUsage   = 255 // ip calls exit(-1)
)

// Error is a command line that is no command.
type Error struct {
	Text string // for stderr, without the last newline
	Exit int
}

func (e *Error) Error() string { return e.Text }

func syntax(exit int, format string, args ...any) error {
	return &Error{Text: fmt.Sprintf(format, args...), Exit: exit}
}

func incomplete() error {
	return syntax(ExitUsage, `Command line is not complete. Try option "help"`)
}

func invalid(arg, why string) error {
	return syntax(ExitUsage, `Error: argument "%s" is wrong: %s`, arg, why)
}

func duplicate(key, arg string) error {
	return syntax(ExitUsage, `Error: duplicate "%s": "%s" is the second value.`, key, arg)
}

func garbage(key, arg string) error {
	return syntax(ExitUsage, `Error: either "%s" is duplicate, or "%s" is a garbage.`, key, arg)
}

// refuse answers what ip(8) can do and ipvl does not.
func refuse(format string, args ...any) error {
	return syntax(ExitRefused, "Error: "+format, args...)
}

func unsupported(what string) error {
	return refuse(`%s is not supported by ipvl; use ip(8) for it.`, what)
}

// shellLine writes arguments so that they can be pasted into a shell.
func shellLine(args []string) string {
	out := make([]string, len(args))
	for i, a := range args {
		out[i] = a
		if a == "" || strings.ContainsFunc(a, func(r rune) bool {
			return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=:,./@%", r)
		}) {
			out[i] = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
	}
	return strings.Join(out, " ")
}
