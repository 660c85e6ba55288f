package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/nftables"

	"github.com/ipvl/ipvl/nsutil"
)

// state is what the appliance could leave behind in the kernel.
type state struct {
	// links are the interfaces, as "ns/name"; the default namespace is "".
	links []string
	// tables are the nftables tables of the default namespace.
	tables []string
}

// observe reads the state of the default namespace and those of spaces.
func observe(spaces ...string) (state, error) {
	var s state
	for _, ns := range append([]string{""}, spaces...) {
		ref, err := nsutil.Resolve(ns)
		if err != nil {
			return s, err
		}
		links, err := nsutil.Links(ref)
		if err != nil {
			return s, err
		}
		for _, l := range links {
			s.links = append(s.links, ns+"/"+l.Name)
		}
	}
	conn, err := nftables.New()
	if err != nil {
		return s, err
	}
	tables, err := conn.ListTables()
	if err != nil {
		return s, fmt.Errorf("list nftables tables: %w", err)
	}
	for _, t := range tables {
		s.tables = append(s.tables, t.Name)
	}
	return s, nil
}

// noMore says that have holds nothing that was not in before, and less than
// during: else there was nothing to remove, and nothing is proved.
func noMore(what string, before, during, have []string) (string, error) {
	extra := func(of []string) []string {
		return slices.DeleteFunc(slices.Clone(of), func(s string) bool { return slices.Contains(before, s) })
	}
	if left := extra(have); len(left) > 0 {
		return "", fmt.Errorf("%s left: %s", what, strings.Join(left, " "))
	}
	gone := extra(during)
	if len(gone) == 0 {
		return "", fmt.Errorf("there were no %s before the end", what)
	}
	return fmt.Sprintf("%d before, 0 after", len(gone)), nil
}

// leftovers are the proofs that ending the appliance removed what it made.
// before and during were observed before it began and while it ran.
func leftovers(before, during *state, spaces ...string) []step {
	after := func(of func(state) []string, what string) func(context.Context) (string, error) {
		return func(context.Context) (string, error) {
			now, err := observe(spaces...)
			if err != nil {
				return "", err
			}
			return noMore(what, of(*before), of(*during), of(now))
		}
	}
	return []step{
		{what: "no interface is left", do: after(func(s state) []string { return s.links }, "interfaces")},
		{what: "no nftables table is left", do: after(func(s state) []string { return s.tables }, "tables")},
	}
}
