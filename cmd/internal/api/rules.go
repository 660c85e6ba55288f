package api

import "github.com/ipvl/ipvl/stack/rules"

// RuleShow is "filter show [CHAIN]" and "nat show [CHAIN]". Filter applies Table
// and Chain; the family leaves out lines only when they are printed, since a
// rule is known by its place in the chain.
type RuleShow struct {
	Scope
	Table rules.Table `json:"table"`
	Chain rules.Chain `json:"chain,omitempty"` // empty: all
}

// RuleChain is one chain with its rules, in the order in which they are tried.
type RuleChain struct {
	Table rules.Table `json:"table"`
	Chain rules.Chain `json:"chain"`
	// Policy is what becomes of a packet that no rule decides: "accept" or
	// "drop"; empty in nat, which has none.
	Policy string       `json:"policy,omitempty"`
	Rules  []rules.Rule `json:"rules,omitempty"` // with counters
}

// RuleChange changes one chain of a table.
type RuleChange struct {
	Scope
	Table rules.Table `json:"table"`
	// Chain is empty for a flush of all chains of the table.
	Chain rules.Chain `json:"chain,omitempty"`
	Op    RuleOp      `json:"op"`
	// Index counts from 1. RuleInsert: the rule gets this place, or the last if
	// there are fewer by one; RuleDelete: the rule at this place, 0: the first
	// that is the same as Rule.
	Index int `json:"index,omitempty"`
	// Rule is of RuleAdd and RuleInsert, and of RuleDelete without Index. It has
	// passed Check for the chain, and says a family only where nothing else
	// of it does.
	Rule rules.Rule `json:"rule,omitzero"`
	// Policy is of RulePolicy: "accept" or "drop".
	Policy string `json:"policy,omitempty"`
}

// RuleOp is what a RuleChange does.
type RuleOp string

// The operations. RuleFlush takes the rules away and leaves the policy.
const (
	RuleAdd    RuleOp = "add" // at the end
	RuleInsert RuleOp = "insert"
	RuleDelete RuleOp = "delete"
	RuleFlush  RuleOp = "flush"
	RulePolicy RuleOp = "policy" // filter only
)

// Filter keeps the chains that the request asks for.
func (r RuleShow) Filter(chains []RuleChain) []RuleChain {
	return keep(chains, func(c RuleChain) bool {
		return c.Table == r.Table && (r.Chain == "" || c.Chain == r.Chain)
	})
}
