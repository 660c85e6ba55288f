package fib

import "strconv"

var typeNames = [...]string{"unicast", "local", "broadcast", "multicast", "anycast", "blackhole", "unreachable", "prohibit", "throw"}

// String is ip(8)'s word for t.
func (t Type) String() string { return name(typeNames[:], int(t), "type") }

var actionNames = [...]string{"lookup", "goto", "nop", "blackhole", "unreachable", "prohibit"}

// String is ip(8)'s word for a.
func (a Action) String() string { return name(actionNames[:], int(a), "action") }

var verdictNames = [...]string{"drop", "forward", "local"}

// String is one lower-case word.
func (v Verdict) String() string { return name(verdictNames[:], int(v), "verdict") }

var reasonNames = [...]string{"none", "no-route", "blackhole", "unreachable", "prohibit", "broadcast", "bad-source", "bad-destination", "link-down"}

// String is a lower-case word, stable enough to be a counter's label.
func (r Reason) String() string { return name(reasonNames[:], int(r), "reason") }

var opNames = [...]string{"add", "replace", "delete"}

// String is ip(8)'s word for o.
func (o Op) String() string { return name(opNames[:], int(o), "op") }

// name is names[i], or kind and the number where there is no name.
func name(names []string, i int, kind string) string {
	if i < len(names) {
		return names[i]
	}
	return kind + " " + strconv.Itoa(i)
}
