package main

import (
	"strings"
	"testing"

	"github.com/ipvl/ipvl/cmd/internal/grammar"
)

// Every command of the plan is one that ipvl takes, or ip(8)'s.
func TestPlanIsInTheGrammar(t *testing.T) {
	ours := 0
	for _, p := range new(demo).plan() {
		for _, s := range p.steps {
			words := strings.Fields(s.line)
			switch {
			case s.do == nil, (s.line == "") == (s.what == ""), s.with && s.line != "":
				t.Errorf("not a step: %+v", s)
			case s.line == "" || words[0] == "ip" || words[1] == "serve":
			case words[0] != "ipvl":
				t.Errorf("what is %q", s.line)
			default:
				ours++
				if _, err := grammar.Parse(words[1:]); err != nil {
					t.Errorf("%s: %v", s.line, err)
				}
			}
		}
	}
	if ours < 8 {
		t.Errorf("only %d commands of ipvl", ours)
	}
}
