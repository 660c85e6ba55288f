package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
)

// options are what the command line says.
type options struct {
	ipvl       string
	growth     bool
	rounds     int
	seconds    float64
	contenders []string // names or families; empty: all
	measures   []string // empty: all
	out        string   // directory for the report's files
	tools      string   // directory with further programs
	list       bool
}

// parseFlags reads the command line. What is wrong has been said on stderr.
func parseFlags(args []string, stderr io.Writer) (options, error) {
	var o options
	f := flag.NewFlagSet("ipvl-bench", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.BoolVar(&o.growth, "growth", false, "measure how costs grow with the number of devices")
	f.IntVar(&o.rounds, "rounds", 3, "interleaved rounds")
	f.Float64Var(&o.seconds, "seconds", 1, "length of each load")
	contenders := f.String("contenders", "", "only these `NAMES`, or families (ipvl, kernel, peer), parted by commas")
	measures := f.String("measures", "", "only these `NAMES`, parted by commas")
	f.StringVar(&o.out, "out", "", "write the report to `DIR`: text, JSON, and a chart")
	f.StringVar(&o.tools, "tools", "", "look for gvproxy and gvforwarder in `DIR`, too")
	f.BoolVar(&o.list, "list", false, "list contenders and measures, and measure nothing")
	f.Usage = func() {
		fmt.Fprintln(stderr, "Usage: ipvl-bench [flags] PATH-OF-IPVL")
		f.PrintDefaults()
	}
	if err := f.Parse(args); err != nil {
		return o, err
	}
	o.contenders, o.measures = split(*contenders), split(*measures)
	o.ipvl = f.Arg(0)
	if err := o.check(f.NArg()); err != nil {
		fmt.Fprintln(stderr, "ipvl-bench:", err)
		return o, err
	}
	return o, nil
}

func (o options) check(args int) error {
	switch {
	case args != 1 && !o.list:
		return errors.New("give one argument, the path of ipvl; \"make build\" makes it")
	case o.rounds < 1 || o.rounds > 1000:
		return fmt.Errorf("%d rounds: give 1 to 1000", o.rounds)
	case o.seconds < 0.05 || o.seconds > 60:
		return fmt.Errorf("%v seconds: give 0.05 to 60", o.seconds)
	}
	for _, name := range o.contenders {
		if !slices.ContainsFunc(contenders(), func(c contender) bool { return c.is(name) }) {
			return fmt.Errorf("there is no contender %q; -list lists them", name)
		}
	}
	for _, name := range o.measures {
		if !slices.ContainsFunc(measures(), func(m measure) bool { return m.name == name }) {
			return fmt.Errorf("there is no measure %q; -list lists them", name)
		}
	}
	return nil
}

func split(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })
}

// writeList lists what can be chosen.
func writeList(w io.Writer) {
	for _, c := range contenders() {
		fmt.Fprintf(w, "contender  %-18s %-7s %s\n", c.name, c.family, c.title)
	}
	for _, m := range measures() {
		fmt.Fprintf(w, "measure    %-18s %s\n", m.name, m.title)
	}
}
