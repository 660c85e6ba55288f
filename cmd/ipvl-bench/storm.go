package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipvl/ipvl/cmd/ipvl-bench/internal/load"
	"github.com/ipvl/ipvl/cmd/ipvl-bench/internal/report"
)

const (
	// storm is how many addresses come, and kept how many of them are there at
	// a time: each one more goes again. stormRate is of changes, a second.
	storm     = 20000
	kept      = 200
	stormRate = 10000
	// catchUp is how long an appliance may lag behind.
	catchUp = 10 * time.Second
)

func stormAddress(i int) string { return fmt.Sprintf("10.200.%d.%d", i/250, i%250) }

// changes lets addresses come and go at stormRate, and sees that those which
// stayed are reached.
func (c *crowd) changes(ctx context.Context, _ options) ([]report.Line, error) {
	var lines []string
	for i := range storm {
		lines = append(lines, "addr add "+stormAddress(i)+"/32 dev ipvl1")
		if i >= kept {
			lines = append(lines, "addr del "+stormAddress(i-kept)+"/32 dev ipvl1")
		}
	}
	begin := time.Now()
	if err := c.batch(ctx, "b", &paced{lines: lines, rate: stormRate, begin: begin}); err != nil {
		return nil, fmt.Errorf("change addresses: %w", err)
	}
	took := time.Since(begin)
	seen, err := c.reached(ctx)
	if err != nil {
		return nil, err
	}
	lag := time.Since(begin) - took
	rate := float64(len(lines)) / took.Seconds()
	return []report.Line{{
		What: fmt.Sprintf("address changes, %d devices", c.size.Devices),
		Text: fmt.Sprintf("%d in %.2f s, %.0f a second; %d of %d that stayed are reached after %d ms", len(lines), took.Seconds(), rate, seen, kept, lag.Milliseconds()),
		Bar:  fmt.Sprintf("%d a second, all reached within 1 s", stormRate), OK: rate > 0.98*stormRate && seen == kept && lag < time.Second,
	}}, nil
}

// reached counts the addresses that stayed to which a datagram goes, until it
// is all of them, or for long enough.
func (c *crowd) reached(ctx context.Context) (int, error) {
	var in, out net.PacketConn
	listen := func(pc *net.PacketConn, addr string) func() error {
		return func() (err error) {
			*pc, err = new(net.ListenConfig).ListenPacket(ctx, "udp4", addr)
			return err
		}
	}
	if err := c.lab.In("b", listen(&in, ":6000")); err != nil {
		return 0, err
	}
	defer in.Close()
	if err := c.lab.In("a", listen(&out, address(0, 0)+":6000")); err != nil {
		return 0, err
	}
	defer out.Close()
	seen := make(map[int]bool)
	for end := time.Now().Add(catchUp); len(seen) < kept && time.Now().Before(end) && ctx.Err() == nil; {
		for i := storm - kept; i < storm; i++ {
			if seen[i] {
				continue
			}
			to := &net.UDPAddr{IP: net.ParseIP(stormAddress(i)), Port: 6000}
			if _, err := out.WriteTo([]byte(strconv.Itoa(i)), to); err != nil {
				return len(seen), err
			}
			if i%64 == 0 {
				take(in, seen, time.Millisecond)
			}
		}
		take(in, seen, 50*time.Millisecond)
	}
	return len(seen), ctx.Err()
}

// take notes the datagrams that have come; each says which address it was for.
func take(c net.PacketConn, seen map[int]bool, patience time.Duration) {
	b := make([]byte, 64)
	for {
		_ = c.SetReadDeadline(time.Now().Add(patience))
		n, _, err := c.ReadFrom(b)
		if err != nil {
			return
		}
		if i, err := strconv.Atoi(string(b[:n])); err == nil {
			seen[i] = true
		}
	}
}

// floodRate is how many broadcasts a second go to all devices.
const floodRate = 50

// broadcast measures unicast between two devices, in mode l2, while one of
// them sends broadcasts to all, and without.
func (c *crowd) broadcast(ctx context.Context, o options) ([]report.Line, error) {
	if err := c.lab.Build(ctx, []string{"a: ipvl link set ipvl0 type ipvlan mode l2 bridge"}); err != nil {
		return nil, err
	}
	var calm, busy struct{ pps, p99, most report.Samples }
	for range o.rounds {
		for _, with := range []bool{false, true} {
			to := &calm
			if with {
				to = &busy
			}
			pps, rr, err := c.unicast(ctx, with, o.seconds)
			if err != nil {
				return nil, fmt.Errorf("unicast beside broadcasts: %w", err)
			}
			to.pps, to.p99, to.most = append(to.pps, float64(pps.Packets)/pps.Seconds/1000), append(to.p99, rr.P99), append(to.most, rr.Max)
		}
	}
	ratio := busy.pps.Median() / calm.pps.Median()
	return []report.Line{
		{What: fmt.Sprintf("small packets beside %d broadcasts a second to %d devices", floodRate, c.size.Devices),
			Text: fmt.Sprintf("%s thousand a second; without %s; ratio %.2f", report.Cell(busy.pps), report.Cell(calm.pps), ratio)},
		{What: "request-response beside them, slowest of each round", Text: fmt.Sprintf("%s µs; without %s µs (p99 %s, %s)",
			report.Cell(busy.most), report.Cell(calm.most), report.Cell(busy.p99), report.Cell(calm.p99)), Bar: "< 100 ms: nothing stalls", OK: busy.most.Max() < 100e3},
	}, nil
}

// unicast measures small packets and round trips, with broadcasts or without.
func (c *crowd) unicast(ctx context.Context, flooded bool, seconds float64) (pps, rr load.Result, err error) {
	if flooded {
		stop, err := c.flood(ctx)
		if err != nil {
			return pps, rr, err
		}
		defer stop()
	}
	if pps, err = c.play(ctx, load.Spec{Kind: load.PPS, Seconds: seconds}, nil); err != nil {
		return pps, rr, err
	}
	rr, err = c.play(ctx, load.Spec{Kind: load.RR, Seconds: seconds}, nil)
	return pps, rr, err
}

// flood sends broadcasts from namespace a until stop is called.
func (c *crowd) flood(ctx context.Context) (stop func(), err error) {
	var fd int
	err = c.lab.In("a", func() (err error) {
		fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		return err
	})
	if err != nil {
		return nil, err
	}
	err = errors.Join(
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_BROADCAST, 1),
		unix.BindToDevice(fd, "ipvl0"),
	)
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(time.Second / floodRate)
		defer tick.Stop()
		for all := (&unix.SockaddrInet4{Port: 9, Addr: [4]byte{255, 255, 255, 255}}); ctx.Err() == nil; <-tick.C {
			_ = unix.Sendto(fd, make([]byte, 64), unix.MSG_DONTWAIT, all) // lost ones are no stall
		}
	}()
	return func() { cancel(); <-done; unix.Close(fd) }, nil
}
