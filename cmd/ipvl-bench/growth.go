package main

import (
	"context"
	"errors"
	"io"

	"github.com/ipvl/ipvl/cmd/ipvl-bench/internal/report"
)

func growth(ctx context.Context, o options, progress io.Writer) (*report.Growth, error) {
	return nil, errors.New("not yet")
}
