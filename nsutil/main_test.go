package nsutil

import (
	"os"
	"testing"

	"github.com/ipvl/ipvl/nsutil/sandbox"
)

func TestMain(m *testing.M) {
	sandbox.Init()
	os.Exit(m.Run())
}
