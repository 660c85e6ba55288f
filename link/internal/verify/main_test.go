package verify

import (
	"testing"

	"github.com/ipvl/ipvl/link/internal/nstest"
)

func TestMain(m *testing.M) { nstest.Main(m) }
