package conformance

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
)

// counters are those of an interface, by direction and name, as "ip -s -j" has them.
type counters map[string]map[string]int

// countersOf asks the engine for a device's.
func (l *lab) countersOf(name string) (counters, error) {
	out, err := output("host", append(slices.Clone(l.engine.program()), "-n", l.where(name), "-s", "-j", "link", "show", "dev", "v"+name)...)
	if err != nil {
		return nil, err
	}
	var all []struct{ Stats64 counters }
	if err := json.Unmarshal(out, &all); err != nil || len(all) != 1 {
		return nil, fmt.Errorf("%w in %q", err, out)
	}
	return all[0].Stats64, nil
}

// count tells what a frame does to the counters of some devices: what has been
// counted, without what sentinels are counted for.
func (l *lab) count(names []string, frame func() ([]string, error)) ([]string, error) {
	before, middle, err := l.calm(names)
	if err != nil {
		return nil, err
	}
	l.rounds = 0
	lines, err := frame()
	if err != nil {
		return nil, err
	}
	rounds := l.rounds
	after, err := l.each(names)
	if err != nil {
		return nil, err
	}
	for i, name := range names {
		for _, dir := range []string{"rx", "tx"} {
			for _, what := range []string{"packets", "bytes", "errors", "dropped", "multicast"} {
				b, m, a := before[i][dir][what], middle[i][dir][what], after[i][dir][what]
				if n := a - m - rounds*(m-b); n != 0 {
					lines = append(lines, fmt.Sprintf("%s counts %s %s %d", name, dir, what, n))
				}
			}
		}
	}
	return lines, nil
}

// calm sends sentinels until two rounds have counted for the same, and nothing
// else is being said: it returns the counters before and after the second.
func (l *lab) calm(names []string) (before, after []counters, err error) {
	first, err := l.each(names)
	if err != nil {
		return nil, nil, err
	}
	for range 20 {
		if err := l.round(); err != nil {
			return nil, nil, err
		}
		if before, err = l.each(names); err != nil {
			return nil, nil, err
		}
		if err := l.round(); err != nil {
			return nil, nil, err
		}
		if after, err = l.each(names); err != nil || reflect.DeepEqual(difference(before, first), difference(after, before)) {
			return before, after, err
		}
		first = after
	}
	return before, after, nil
}

func difference(a, b []counters) []counters {
	var all []counters
	for i := range a {
		d := counters{}
		for dir, of := range a[i] {
			d[dir] = map[string]int{}
			for what, n := range of {
				d[dir][what] = n - b[i][dir][what]
			}
		}
		all = append(all, d)
	}
	return all
}

func (l *lab) each(names []string) (all []counters, err error) {
	for _, name := range names {
		c, err := l.countersOf(name)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}
