package nsutil

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ipvl/ipvl/nsutil/rtnl"
)

// What Delete has taken away is gone by every way of asking, and its name is
// free for the next one.
func TestDeleteFreesTheName(t *testing.T) {
	eachBackend(t, func(t *testing.T, kind string) {
		ns := addNetns(t, "a")
		i := create(t, Options{Name: "e0", Netns: ns, Backend: kind})
		if err := i.Delete(); err != nil {
			t.Fatal(err)
		}
		conn(t, ns, func(c *rtnl.Conn) error {
			if _, err := c.Link(0, "e0"); !errors.Is(err, unix.ENODEV) {
				t.Errorf("after Delete: %v", err)
			}
			return nil
		})
		next := create(t, Options{Name: "e0", Netns: ns, Backend: kind})
		if err := i.Delete(); !errors.Is(err, ErrGone) {
			t.Errorf("the second Delete: %v", err)
		}
		if err := i.Close(); err != nil {
			t.Error(err)
		}
		if name, err := next.Name(); name != "e0" || err != nil {
			t.Errorf("the next one is %q, %v", name, err)
		}
	})
}
