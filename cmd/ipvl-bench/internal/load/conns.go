package load

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// Conns is the client over any kind of connection: TCP, RR or Conn.
func Conns(s Spec, dial func() (net.Conn, error)) (Result, error) {
	run := map[Kind]func(Spec, func() (net.Conn, error)) (Result, error){TCP: streams, RR: roundTrips, Conn: manyConns}[s.Kind]
	if run == nil {
		return Result{}, fmt.Errorf("load: no kind %q over connections", s.Kind)
	}
	return metered(func() (Result, error) { return run(s, dial) })
}

// ServeConns is the server over any kind of listener. What TCP receives is
// in its result.
func ServeConns(s Spec, l net.Listener) (Result, error) {
	if s.Kind == TCP {
		var cs []net.Conn
		for range s.streams() {
			c, err := l.Accept()
			if err != nil {
				return Result{}, err
			}
			cs = append(cs, c)
		}
		if s.Reverse {
			return Result{}, spread(cs, s.duration())
		}
		return collect(cs)
	}
	for {
		c, err := l.Accept()
		if err != nil {
			return Result{}, err
		}
		if done := bounce(c); done || s.Kind == RR {
			return Result{}, nil
		}
	}
}

// bounce gives back each byte, until one says that it was the last.
func bounce(c net.Conn) (done bool) {
	defer c.Close()
	for b := make([]byte, 1); ; {
		if _, err := c.Read(b); err != nil {
			return false
		}
		if b[0] == goodbye {
			return true
		}
		if _, err := c.Write(b); err != nil {
			return false
		}
	}
}

func streams(s Spec, dial func() (net.Conn, error)) (Result, error) {
	var cs []net.Conn
	for range s.streams() {
		c, err := dial()
		if err != nil {
			return Result{}, err
		}
		defer c.Close()
		cs = append(cs, c)
	}
	if s.Reverse {
		return collect(cs)
	}
	if err := spread(cs, s.duration()); err != nil {
		return Result{}, err
	}
	for _, c := range cs {
		_ = c.SetReadDeadline(time.Now().Add(Patience))
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			return Result{}, fmt.Errorf("wait for the receiver: %w", err)
		}
	}
	return Result{}, nil
}

// spread writes to all for d, and says that nothing more comes.
func spread(cs []net.Conn, d time.Duration) error {
	end := time.Now().Add(d)
	return eachConn(cs, func(_ int, c net.Conn) error {
		for b := make([]byte, chunk); time.Now().Before(end); {
			if _, err := c.Write(b); err != nil {
				return fmt.Errorf("send: %w", err)
			}
		}
		if h, ok := c.(interface{ CloseWrite() error }); ok {
			return h.CloseWrite()
		}
		return c.Close()
	})
}

// collect reads all to their ends, and closes them.
func collect(cs []net.Conn) (Result, error) {
	totals := make([]uint64, len(cs))
	begin := time.Now()
	err := eachConn(cs, func(i int, c net.Conn) error {
		defer c.Close()
		for b := make([]byte, chunk); ; {
			n, err := c.Read(b)
			totals[i] += uint64(n)
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return fmt.Errorf("receive: %w", err)
			}
		}
	})
	r := Result{Seconds: time.Since(begin).Seconds()}
	for _, n := range totals {
		r.Bytes += n
	}
	if err == nil && r.Bytes == 0 {
		err = errors.New("nothing arrived")
	}
	return r, err
}

func eachConn(cs []net.Conn, f func(i int, c net.Conn) error) error {
	errs := make([]error, len(cs))
	var wg sync.WaitGroup
	for i, c := range cs {
		wg.Go(func() { errs[i] = f(i, c) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

func roundTrips(s Spec, dial func() (net.Conn, error)) (Result, error) {
	c, err := dial()
	if err != nil {
		return Result{}, err
	}
	defer c.Close()
	b := make([]byte, 1)
	return timed(s.duration(), func() error { return bounced(c, b) })
}

func bounced(c net.Conn, b []byte) error {
	if _, err := c.Write(b); err != nil {
		return fmt.Errorf("ask: %w", err)
	}
	if _, err := c.Read(b); err != nil {
		return fmt.Errorf("wait for an answer: %w", err)
	}
	return nil
}

func manyConns(s Spec, dial func() (net.Conn, error)) (Result, error) {
	var r Result
	begin := time.Now()
	for time.Since(begin) < s.duration() && r.Ops < maxConns {
		c, err := dial()
		if err != nil {
			return r, fmt.Errorf("connect: %w", err)
		}
		err = bounced(c, []byte{'x'})
		c.Close()
		if err != nil {
			return r, err
		}
		r.Ops++
	}
	r.Seconds = time.Since(begin).Seconds()
	c, err := dial()
	if err != nil {
		return r, err
	}
	defer c.Close()
	_, err = c.Write([]byte{goodbye})
	return r, err
}
