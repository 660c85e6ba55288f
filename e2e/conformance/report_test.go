package conformance

import (
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
)

// report compares what two sides saw, case by case.
type report struct {
	cases     []testCase
	want, got *record
	// recorded is what the kernel did before: what its driver leaves to chance
	// (the hash of its filter for groups) may come out either way.
	recorded *record
	purposes map[string]string
	kind     string
	verbose  bool // tell of what is as it is to be, too
}

// print writes a line for each case, what differs, and a summary. It returns
// false if anything differs that the list of purposes does not name, or that list
// is out of date.
func (r *report) print(w io.Writer) bool {
	count := map[string]int{}
	for _, c := range r.cases {
		verdict, text := r.verdict(c)
		count[verdict]++
		if r.verbose || verdict == different || verdict == byNow {
			fmt.Fprintf(w, "%s: %s%s\n", verdict, c.key, text)
		}
	}
	fmt.Fprintf(w, "%d cases (%s; %s; as Linux %s): %d same, %d on purpose, %d different, %d same by now\n",
		len(r.cases), r.worlds(), r.kind, r.want.Kernel, count[same], count[onPurpose], count[different], count[byNow])
	return count[different]+count[byNow] == 0
}

const (
	same      = "same"
	onPurpose = "on purpose"
	different = "DIFFERENT"
	byNow     = "SAME BY NOW, take it off the list"
)

func (r *report) verdict(c testCase) (verdict, text string) {
	want, got, why := r.want.Cases[c.key], r.got.Cases[c.key], r.purposes[c.key]
	equal := want != nil && (reflect.DeepEqual(want, got) || reflect.DeepEqual(r.recorded.Cases[c.key], got))
	switch {
	case equal && why == "":
		return same, ""
	case equal:
		return byNow, " (" + why + ")"
	case why != "":
		return onPurpose, " (" + why + ")"
	}
	return different, contrast(c, want, got)
}

// worlds are the modes and flags of the cases.
func (r *report) worlds() string {
	var modes, flags []string
	for _, c := range r.cases {
		modes, flags = append(modes, c.world.mode), append(flags, c.world.flag)
	}
	slices.Sort(modes)
	slices.Sort(flags)
	return strings.Join(slices.Compact(modes), " ") + " x " + strings.Join(slices.Compact(flags), " ")
}

// contrast tells what only one side saw, step by step.
func contrast(c testCase, want, got observation) string {
	if want == nil {
		return "\n\tnot recorded: renew the record"
	}
	var b strings.Builder
	for i := range max(len(want), len(got), len(c.steps)) {
		var w, g []string
		if i < len(want) {
			w = want[i]
		}
		if i < len(got) {
			g = got[i]
		}
		if reflect.DeepEqual(w, g) {
			continue
		}
		if i < len(c.steps) && len(c.steps) > 1 {
			fmt.Fprintf(&b, "\n\t%s", c.steps[i].text)
		}
		for _, line := range only(w, g) {
			fmt.Fprintf(&b, "\n\t\tkernel: %s", line)
		}
		for _, line := range only(g, w) {
			fmt.Fprintf(&b, "\n\t\tipvl:   %s", line)
		}
	}
	return b.String()
}

// only returns what is in a more often than in b.
func only(a, b []string) []string {
	count := map[string]int{}
	for _, s := range b {
		count[s]++
	}
	var rest []string
	for _, s := range a {
		if count[s]--; count[s] < 0 {
			rest = append(rest, s)
		}
	}
	return rest
}
