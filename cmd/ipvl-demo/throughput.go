package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/ipvl/ipvl/nsutil"
)

const (
	rounds    = 3
	roundTime = 1500 * time.Millisecond
	chunk     = 256 << 10
)

// tcpRate sends over TCP from a namespace to an address of another for d, and
// returns what arrived, in bits a second.
func tcpRate(ctx context.Context, from, to nsutil.Ref, addr string, d time.Duration) (float64, error) {
	ln, err := listen(ctx, to, addr)
	if err != nil {
		return 0, fmt.Errorf("listen at %s: %w", addr, err)
	}
	defer ln.Close()
	defer context.AfterFunc(ctx, func() { ln.Close() })()
	type sunk struct {
		rate float64
		err  error
	}
	got := make(chan sunk, 1)
	go func() {
		rate, err := sink(ctx, ln)
		got <- sunk{rate, err}
	}()
	if err := source(ctx, from, ln.Addr().String(), d); err != nil {
		return 0, fmt.Errorf("send to %s: %w", addr, err)
	}
	select {
	case s := <-got:
		return s.rate, s.err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// listen opens a TCP socket in a namespace. Not one of multipath TCP, which
// is Go's choice otherwise, and slower.
func listen(ctx context.Context, ns nsutil.Ref, addr string) (ln net.Listener, err error) {
	err = ns.Do(func() error {
		var lc net.ListenConfig
		lc.SetMultipathTCP(false)
		ln, err = lc.Listen(ctx, "tcp", net.JoinHostPort(addr, "0"))
		return err
	})
	return ln, err
}

// sink reads one connection to its end.
func sink(ctx context.Context, ln net.Listener) (float64, error) {
	c, err := ln.Accept()
	if err != nil {
		return 0, err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	begin := time.Now()
	var total int64
	for buf := make([]byte, chunk); ; {
		n, err := c.Read(buf)
		total += int64(n)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return 0, err
		}
	}
	if total == 0 {
		return 0, errors.New("nothing arrived")
	}
	return float64(total) * 8 / time.Since(begin).Seconds(), nil
}

// source connects and writes for d.
func source(ctx context.Context, ns nsutil.Ref, addr string, d time.Duration) error {
	var c net.Conn
	err := ns.Do(func() (err error) {
		c, err = new(net.Dialer).DialContext(ctx, "tcp", addr)
		return err
	})
	if err != nil {
		return err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	buf := make([]byte, chunk)
	for end := time.Now().Add(d); ; {
		if _, err := c.Write(buf); err != nil {
			return err
		}
		if time.Now().After(end) {
			return nil
		}
	}
}
