package conformance

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
)

// counters are those of an interface, as "rx packets" and so on.
type counters map[string]uint64

// counterOf is where a device is; "host" stands for the master.
func (l *lab) counterOf(name string) (ns, dev string) {
	if name == "host" {
		return "host", "m0"
	}
	return l.where(name), "v" + name
}

// countersOf reads a device's from the kernel.
func (kernel) countersOf(l *lab, name string) (counters, error) {
	ns, dev := l.counterOf(name)
	link, err := l.spaces[ns].conn.Link(0, dev)
	s := link.Stats
	return counters{
		"rx packets": s.RxPackets, "rx bytes": s.RxBytes, "rx errors": s.RxErrors, "rx dropped": s.RxDropped, "rx multicast": s.Multicast,
		"tx packets": s.TxPackets, "tx bytes": s.TxBytes, "tx errors": s.TxErrors, "tx dropped": s.TxDropped,
	}, err
}

// countersOf asks the appliance for a device's.
func (a *appliance) countersOf(l *lab, name string) (counters, error) {
	var all []struct {
		Stats struct {
			RxPackets, RxBytes, RxErrors, RxDropped, Multicast, TxPackets, TxBytes, TxErrors, TxDropped uint64
		}
	}
	ns, dev := l.counterOf(name)
	request := map[string]any{"netns": ns, "name": dev, "stats": true}
	if err := a.call("link/show", request, &all); err != nil || len(all) != 1 {
		return nil, fmt.Errorf("%w: %d devices %s", err, len(all), name)
	}
	s := all[0].Stats
	return counters{
		"rx packets": s.RxPackets, "rx bytes": s.RxBytes, "rx errors": s.RxErrors, "rx dropped": s.RxDropped, "rx multicast": s.Multicast,
		"tx packets": s.TxPackets, "tx bytes": s.TxBytes, "tx errors": s.TxErrors, "tx dropped": s.TxDropped,
	}, nil
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
		for _, what := range slices.Sorted(maps.Keys(after[i])) {
			b, m, a := before[i][what], middle[i][what], after[i][what]
			if n := int64(a - m - uint64(rounds)*(m-b)); n != 0 {
				lines = append(lines, fmt.Sprintf("%s counts %s %d", name, what, n))
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
		for what, n := range a[i] {
			d[what] = n - b[i][what]
		}
		all = append(all, d)
	}
	return all
}

func (l *lab) each(names []string) (all []counters, err error) {
	for _, name := range names {
		c, err := l.engine.countersOf(l, name)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}
