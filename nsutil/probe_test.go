package nsutil

import (
	"errors"
	"io/fs"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ipvl/ipvl/nsutil/sandbox/sandboxtest"
)

func TestProbeInside(t *testing.T) {
	sandboxtest.Each(t, func(t *testing.T) {
		c := Probe()
		if err := errors.Join(c.Admin, c.Packet, c.NFT, c.AllNSID, c.UserNS); err != nil {
			t.Error(err)
		}
		f, err := os.OpenFile("/dev/net/tun", os.O_RDWR, 0)
		if err == nil {
			f.Close()
		}
		if (err == nil) != (c.Tun == nil) {
			t.Errorf("tun: %v, but opening gives %v", c.Tun, err)
		}
		if c.Tun != nil && !errors.Is(c.Tun, fs.ErrPermission) && !errors.Is(c.Tun, fs.ErrNotExist) {
			t.Errorf("tun: %v", c.Tun)
		}
		links, err := Links(Ref{})
		if err != nil || len(links) != 1 {
			t.Errorf("left behind: %+v, %v", links, err)
		}
	})
}

// Dropped capabilities are told apart from a lacking kernel.
func TestProbeWithoutCapabilities(t *testing.T) {
	sandboxtest.Each(t, func(t *testing.T) {
		err := withoutCapabilities(t, func() error {
			c := Probe()
			for name, err := range map[string]error{"admin": c.Admin, "packet": c.Packet, "nft": c.NFT, "nsid": c.AllNSID} {
				if !errors.Is(err, unix.EPERM) {
					t.Errorf("%s: %v, want EPERM", name, err)
				}
			}
			_, err := NewWatcher(WatcherOptions{})
			return err
		})
		if !errors.Is(err, unix.EPERM) {
			t.Errorf("watcher: %v, want EPERM", err)
		}
	})
}
