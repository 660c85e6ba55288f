package nsutil

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipvl/ipvl/nsutil/rtnl"
)

// lookAgain is how long deleteLink waits before it looks again.
const lookAgain = 50 * time.Microsecond

// deleteLink takes an interface of the calling thread's namespace away. It
// returns when the kernel has it in no table any more. The request goes on: the
// kernel answers after what it has for RCU is done (rcu_barrier in
// netdev_run_todo), for which nobody else has to wait.
func deleteLink(index int) error {
	sender, err := rtnl.Dial()
	if err != nil {
		return err
	}
	asker, err := rtnl.Dial()
	if err != nil {
		return errors.Join(err, sender.Close())
	}
	defer asker.Close()
	if _, err := asker.Link(index, ""); err != nil {
		return errors.Join(err, sender.Close())
	}
	done := make(chan error, 1)
	go func() {
		err := sender.Do(unix.RTM_DELLINK, 0, rtnl.LinkHeader(index, 0, 0).Bytes())
		done <- errors.Join(err, sender.Close())
	}()
	for {
		// The kernel answers this one after it has let go of its tables.
		if _, err := asker.Link(index, ""); errors.Is(err, unix.ENODEV) {
			return nil
		}
		select {
		case err := <-done:
			return err
		case <-time.After(lookAgain):
		}
	}
}

// Delete implements Interface.Delete.
func (t *TAP) Delete() error {
	return t.do("delete", func(_ *rtnl.Conn, index int) error { return deleteLink(index) })
}

// Delete implements Interface.Delete.
func (v *Veth) Delete() error { return wrap("delete", KindVeth, v.gone(deleteLink(v.port))) }
