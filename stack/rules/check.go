package rules

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// MaxRules bounds the rules of a chain: they are tried one by one.
const MaxRules = 1024

// maxDev is IFNAMSIZ without the final zero.
const maxDev = 15

// Check reports whether r can stand in chain c of table t. An error is an
// *Error and says what to write instead.
func (r Rule) Check(t Table, c Chain) error {
	err := checkChain(t, c)
	if err == nil {
		err = r.Match.check()
	}
	if err == nil {
		err = r.Action.check(t, c, r.Match.Proto)
	}
	if err == nil {
		if _, ok := r.Family(); !ok {
			err = fmt.Errorf("%w; write one rule for each family", ErrFamily)
		}
	}
	if err != nil {
		return &Error{Op: string(t) + " " + string(c), Err: err}
	}
	return nil
}

// Check reports whether every rule and policy of s can stand where it does.
// The error is an *Error.
func (s *Set) Check() error {
	for _, t := range []Table{TableFilter, TableNAT} {
		of := s.Of(t)
		for _, c := range slices.Sorted(maps.Keys(of)) {
			if len(of[c]) > MaxRules {
				return &Error{Op: string(t) + " " + string(c), Err: fmt.Errorf("%w %d; use wider prefixes", ErrTooMany, MaxRules)}
			}
			if err := checkChain(t, c); err != nil {
				return &Error{Op: string(t), Err: err}
			}
			for i, r := range of[c] {
				if err := r.Check(t, c); err != nil {
					return &Error{Op: fmt.Sprintf("rule %d", i+1), Err: err}
				}
			}
		}
	}
	return s.checkPolicy()
}

func (s *Set) checkPolicy() error {
	for _, c := range slices.Sorted(maps.Keys(s.Policy)) {
		err := checkChain(TableFilter, c)
		if p := s.Policy[c]; err == nil && p != KindAccept && p != KindDrop {
			err = fmt.Errorf("%w %q; use accept or drop", ErrPolicy, p)
		}
		if err != nil {
			return &Error{Op: "policy", Err: err}
		}
	}
	return nil
}

func checkChain(t Table, c Chain) error {
	chains := Chains(t)
	if chains == nil {
		return fmt.Errorf("%w %q; use filter or nat", ErrTable, string(t))
	}
	if !slices.Contains(chains, c) {
		return fmt.Errorf("%w %q in %s; use %s", ErrChain, string(c), t, join(chains))
	}
	return nil
}

func join[T ~string](words []T) string {
	var b strings.Builder
	for i, w := range words {
		switch {
		case i > 0 && i == len(words)-1:
			b.WriteString(" or ")
		case i > 0:
			b.WriteString(", ")
		}
		b.WriteString(string(w))
	}
	return b.String()
}

func (m *Match) check() error {
	switch {
	case len(m.Dev) > maxDev || strings.ContainsAny(m.Dev, "/ \t\r\n"):
		return fmt.Errorf("%w %q; give an interface's name", ErrDev, m.Dev)
	case m.Family != 0 && m.Family != 4 && m.Family != 6:
		return fmt.Errorf("%w %d; use 4, 6 or none", ErrFamily, m.Family)
	}
	if err := checkPrefix(m.Src, m.NotSrc, "from"); err != nil {
		return err
	}
	if err := checkPrefix(m.Dst, m.NotDst, "to"); err != nil {
		return err
	}
	if err := checkPorts(m.SrcPorts, m.Proto); err != nil {
		return err
	}
	if err := checkPorts(m.DstPorts, m.Proto); err != nil {
		return err
	}
	return m.checkStates()
}

func (m *Match) checkStates() error {
	all := []State{StateNew, StateEstablished, StateRelated, StateInvalid}
	for i, s := range m.States {
		if !slices.Contains(all, s) {
			return fmt.Errorf("%w %q; use %s", ErrState, string(s), join(all))
		}
		if slices.Contains(m.States[:i], s) {
			return fmt.Errorf("%w %q twice; give it once", ErrState, string(s))
		}
	}
	return nil
}

func checkPrefix(p netip.Prefix, not bool, word string) error {
	switch {
	case p == netip.Prefix{} && not:
		return fmt.Errorf("%w: %q without a prefix; add one or leave it out", ErrPrefix, word+" not")
	case p == netip.Prefix{}:
		return nil
	case !p.IsValid() || p.Addr().Is4In6():
		return fmt.Errorf("%w after %q; write it as 10.0.0.0/8 or 2001:db8::/32", ErrPrefix, word)
	}
	return nil
}

func checkPorts(p Ports, proto uint8) error {
	switch {
	case p.IsZero():
		return nil
	case proto != ProtoTCP && proto != ProtoUDP:
		return fmt.Errorf("%w; add proto tcp or proto udp", ErrPorts)
	case p.Lo == 0 || p.Hi < p.Lo:
		return fmt.Errorf("%w: %d-%d is no range; use 1 to 65535, the lower first", ErrPorts, p.Lo, p.Hi)
	}
	return nil
}
