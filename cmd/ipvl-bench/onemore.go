package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipvl/ipvl/cmd/internal/api"
	"github.com/ipvl/ipvl/cmd/ipvl-bench/internal/report"
	"github.com/ipvl/ipvl/nsutil"
	"github.com/ipvl/ipvl/nsutil/rtnl"
)

const (
	// oneMore is how often a round adds and deletes a device in each way.
	oneMore = 10
	// between is how long the kernel is left alone after each: it frees an
	// interface after a grace period of RCU, and another one that moves waits
	// for that.
	between = 40 * time.Millisecond
)

// comeAndGo adds one more device and deletes it: by the API, by commands, and, to
// compare with, a TAP without any of us.
func (c *crowd) comeAndGo(ctx context.Context) error {
	for range oneMore {
		for _, way := range []struct {
			add, del        func(context.Context) error
			toAdd, toDelete *report.Samples
		}{
			{c.apiAdd, c.apiDel, &c.size.Add, &c.size.Del},
			{c.cliAdd, c.cliDel, &c.size.CLIAdd, &c.size.CLIDel},
		} {
			if err := timed(ctx, way.add, way.toAdd); err != nil {
				return fmt.Errorf("add device %d: %w", c.size.Devices, err)
			}
			if err := timed(ctx, way.del, way.toDelete); err != nil {
				return fmt.Errorf("delete device %d: %w", c.size.Devices, err)
			}
		}
		if err := c.bare(ctx); err != nil && !errors.Is(err, os.ErrPermission) && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("make a TAP: %w", err)
		}
	}
	return nil
}

// timed notes how many milliseconds f takes, and waits for the kernel.
func timed(ctx context.Context, f func(context.Context) error, to *report.Samples) error {
	begin := time.Now()
	if err := f(ctx); err != nil {
		return err
	}
	*to = append(*to, float64(time.Since(begin).Microseconds())/1000)
	return pause(ctx, between)
}

func (c *crowd) apiAdd(ctx context.Context) error {
	return c.client.LinkAdd(ctx, api.LinkAdd{
		Master: "eth0", Name: "more", TargetNetns: c.lab.Space("a"), Kind: "ipvlan", Scope: api.Scope{Netns: c.lab.Space("host")}, Mode: "l3", Flag: "bridge",
	})
}

func (c *crowd) apiDel(ctx context.Context) error {
	return c.client.LinkDel(ctx, api.LinkDel{Name: "more", Scope: api.Scope{Netns: c.lab.Space("a")}})
}

func (c *crowd) cliAdd(ctx context.Context) error {
	return c.command(ctx, "ipvl", "-n", c.lab.Space("host"), "link", "add", "link", "eth0", "name", "more",
		"netns", c.lab.Space("a"), "type", "ipvlan", "mode", "l3", "bridge")
}

func (c *crowd) cliDel(ctx context.Context) error {
	return c.command(ctx, "ipvl", "-n", c.lab.Space("a"), "link", "del", "more")
}

func (c *crowd) command(ctx context.Context, argv ...string) error {
	out, err := c.lab.Command(ctx, argv...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w\n%.500s", err, out)
	}
	return nil
}

// bare makes a TAP in the namespace of the appliance, moves it to another, and
// closes it: what the kernel does for a device.
func (c *crowd) bare(ctx context.Context) error {
	there, err := nsutil.Resolve(c.lab.Space("a"))
	if err != nil {
		return err
	}
	ns, err := there.Open()
	if err != nil {
		return err
	}
	defer ns.Close()
	fd := -1
	add := func(context.Context) error {
		return c.lab.In("host", func() (err error) {
			fd, err = movedTAP("bare", int(ns.Fd()))
			return err
		})
	}
	if err := timed(ctx, add, &c.size.BareAdd); err != nil {
		return err
	}
	return timed(ctx, func(context.Context) error { return unix.Close(fd) }, &c.size.BareDel)
}

// movedTAP makes a TAP where the calling thread is and moves it on.
func movedTAP(name string, ns int) (fd int, err error) {
	if fd, err = unix.Open(tunNode, unix.O_RDWR|unix.O_CLOEXEC, 0); err != nil {
		return -1, err
	}
	ifr, err := unix.NewIfreq(name)
	if err == nil {
		ifr.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI | unix.IFF_VNET_HDR)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, ifr)
	}
	var conn *rtnl.Conn
	if err == nil {
		conn, err = rtnl.Dial()
	}
	if err == nil {
		defer conn.Close()
		m := rtnl.LinkHeader(0, 0, 0).String(unix.IFLA_IFNAME, name).Uint32(unix.IFLA_NET_NS_FD, uint32(ns))
		err = conn.Do(unix.RTM_NEWLINK, 0, m.Bytes())
	}
	if err != nil {
		return -1, errors.Join(err, unix.Close(fd))
	}
	return fd, nil
}
