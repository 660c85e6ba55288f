package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/ipvl/ipvl/nsutil"
)

// in runs f in one of the test's namespaces: sockets that it opens belong there.
func (l *lan) in(ns string, f func() error) error {
	ref, err := nsutil.Resolve(l.ns(ns))
	if err != nil {
		return err
	}
	return ref.Do(f)
}

// stream sends size bytes over TCP from one namespace to an address in
// another, and fails the test unless they all arrive as they were.
func (l *lan) stream(from, to, addr string, size int) {
	l.t.Helper()
	if err := l.tryStream(from, to, addr, size); err != nil {
		l.t.Errorf("TCP from %s to %s in %s: %v\n%s", from, addr, to, err, l.state())
	}
}

func (l *lan) tryStream(from, to, addr string, size int) error {
	var ln net.Listener
	err := l.in(to, func() (err error) {
		ln, err = net.Listen("tcp", net.JoinHostPort(addr, "0"))
		return err
	})
	if err != nil {
		return err
	}
	defer ln.Close()
	type digest struct {
		sum [32]byte
		err error
	}
	got := make(chan digest, 1)
	go func() {
		c, err := ln.Accept()
		if err != nil {
			got <- digest{err: err}
			return
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(patience)) // a deadline missed shows as an error of Copy
		h := sha256.New()
		_, err = io.Copy(h, c)
		got <- digest{[32]byte(h.Sum(nil)), err}
	}()
	var c net.Conn
	err = l.in(from, func() (err error) {
		d := net.Dialer{Timeout: patience}
		c, err = d.Dial("tcp", ln.Addr().String())
		return err
	})
	if err != nil {
		return err
	}
	data := bytes.Repeat([]byte("0123456789abcdef\n"), size/17+1)[:size]
	_ = c.SetDeadline(time.Now().Add(patience)) // likewise of Write
	if _, err := c.Write(data); err != nil {
		return err
	}
	if err := c.Close(); err != nil {
		return err
	}
	d := <-got
	if d.err != nil {
		return d.err
	}
	if d.sum != sha256.Sum256(data) {
		return fmt.Errorf("%d bytes arrived changed", size)
	}
	return nil
}

// received says whether a datagram with that content is there, or comes within
// a moment.
func (l *lan) received(c *net.UDPConn, want string) bool {
	l.t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(200 * time.Millisecond)); err != nil {
		l.t.Fatal(err)
	}
	buf := make([]byte, 2048)
	n, err := c.Read(buf)
	return err == nil && string(buf[:n]) == want
}

// datagram sends one datagram from a namespace to an address in another until
// it is received.
func (l *lan) datagram(from, to, addr, text string) {
	l.t.Helper()
	in := l.listenUDP(to, addr)
	defer in.Close()
	var out net.Conn
	err := l.in(from, func() (err error) {
		out, err = net.Dial("udp", in.LocalAddr().String())
		return err
	})
	if err != nil {
		l.t.Fatal(err)
	}
	defer out.Close()
	l.eventually(fmt.Sprintf("a datagram from %s reaches %s", from, addr), func() bool {
		_, err := out.Write([]byte(text))
		return err == nil && l.received(in, text)
	})
}

// glance sends two echo requests and waits half a second for answers or errors.
func (l *lan) glance(ns, addr string) (string, bool) {
	out, err := l.enter(ns, "ping", "-n", "-i", "0.2", "-c", "2", "-W", "0.3", addr).CombinedOutput()
	return string(out), err == nil
}

// unreached says that no echo request, from a namespace to an address each, is
// answered. They are sent together: it waits once for what must not come.
func (l *lan) unreached(pairs [][2]string) {
	l.t.Helper()
	var wg sync.WaitGroup
	for _, p := range pairs {
		wg.Go(func() {
			if out, ok := l.glance(p[0], p[1]); ok {
				l.t.Errorf("%s reaches %s, and should not:\n%s", p[0], p[1], out)
			}
		})
	}
	wg.Wait()
}

// drops are the counters of the device ipvl0 in a namespace, by reason.
func (l *lan) drops(ns string) map[string]uint64 {
	l.t.Helper()
	var links []struct {
		Ipvl struct {
			Drops map[string]uint64 `json:"drops"`
		} `json:"ipvl"`
	}
	out := l.ipvl("-d", "-s", "-j", "-n", l.ns(ns), "link", "show", "ipvl0")
	if err := json.Unmarshal([]byte(out), &links); err != nil || len(links) != 1 {
		l.t.Fatalf("%v in %s", err, out)
	}
	return links[0].Ipvl.Drops
}
