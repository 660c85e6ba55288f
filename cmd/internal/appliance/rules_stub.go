package appliance

import (
	"context"

	"github.com/ipvl/ipvl/cmd/internal/api"
	"golang.org/x/sys/unix"
)

// RuleShow implements api.Backend.
func (a *Appliance) RuleShow(context.Context, api.Caller, api.RuleShow) ([]api.RuleChain, error) {
	return nil, refuse("rule show", unix.EOPNOTSUPP, "this appliance has no rules yet")
}

// RuleChange implements api.Backend.
func (a *Appliance) RuleChange(context.Context, api.Caller, api.RuleChange) error {
	return refuse("rule change", unix.EOPNOTSUPP, "this appliance has no rules yet")
}
