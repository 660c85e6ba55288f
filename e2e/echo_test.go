package e2e

import (
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// dial opens a TCP connection from a namespace.
func (l *lan) dial(from, addr string, timeout time.Duration) (c net.Conn, err error) {
	err = l.in(from, func() (err error) {
		c, err = (&net.Dialer{Timeout: timeout}).Dial("tcp", addr)
		return err
	})
	return c, err
}

// serveTCP listens in a namespace until the test ends, and has handle called with each
// connection, which is closed afterwards.
func (l *lan) serveTCP(ns, addr string, handle func(net.Conn)) (ln net.Listener, err error) {
	err = l.in(ns, func() (err error) {
		ln, err = net.Listen("tcp", addr)
		return err
	})
	if err != nil {
		return nil, err
	}
	l.t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				handle(c)
			}()
		}
	}()
	return ln, nil
}

// listenUDP opens a socket in a namespace, for the caller to close.
func (l *lan) listenUDP(ns, addr string) (in *net.UDPConn) {
	l.t.Helper()
	err := l.in(ns, func() (err error) {
		in, err = net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(addr)})
		return err
	})
	if err != nil {
		l.t.Fatal(err)
	}
	return in
}

// tryEcho has who is in "to" listen at an address and echo what comes, and
// dials it from another namespace, there as dial if that is not "".
func (l *lan) tryEcho(to, from, listen, dial string) (net.Conn, error) {
	ln, err := l.serveTCP(to, listen, func(c net.Conn) { _, _ = io.Copy(c, c) }) // ends with the connection
	if err != nil {
		return nil, err
	}
	if dial == "" {
		dial = ln.Addr().String()
	}
	c, err := l.dial(from, dial, patience)
	if err == nil {
		l.t.Cleanup(func() { c.Close() })
	}
	return c, err
}

// echo opens a TCP connection from a namespace to each of addrs in another and
// returns what sends a text there and back on all of them.
func (l *lan) echo(to, from string, addrs ...string) func(text string) {
	l.t.Helper()
	var conns []net.Conn
	for _, a := range addrs {
		c, err := l.tryEcho(to, from, net.JoinHostPort(a, "0"), "")
		if err != nil {
			l.t.Fatalf("TCP from %s to %s: %v\n%s", from, a, err, l.state())
		}
		conns = append(conns, c)
	}
	return func(text string) {
		l.t.Helper()
		for _, c := range conns {
			if err := echoed(c, text); err != nil {
				l.t.Fatalf("TCP with %s: %q: %v\n%s", c.RemoteAddr(), text, err, l.state())
			}
		}
	}
}

// echoed sends text and reads it back.
func echoed(c net.Conn, text string) error {
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := io.WriteString(c, text); err != nil {
		return err
	}
	buf := make([]byte, len(text))
	if _, err := io.ReadFull(c, buf); err != nil {
		return err
	}
	if string(buf) != text {
		return fmt.Errorf("%q came back", buf)
	}
	return nil
}

// datagramEcho sends a datagram from a namespace to one that is echoed in another, there
// as dial if that is not "", and returns the address that it came from.
func (l *lan) datagramEcho(from, to, listen, dial string) (source string) {
	l.t.Helper()
	in := l.listenUDP(to, listen)
	defer in.Close()
	port := in.LocalAddr().(*net.UDPAddr).Port
	if dial == "" {
		dial = net.JoinHostPort(listen, itoa(port))
	} else {
		l.ipvl("nat", "add", "prerouting", "to", dial, "proto", "udp", "dport", "5353", "dnat", "to", net.JoinHostPort(listen, itoa(port)))
		dial = net.JoinHostPort(dial, "5353")
	}
	go func() {
		buf := make([]byte, 2048)
		for {
			n, peer, err := in.ReadFromUDP(buf)
			if err != nil {
				return
			}
			_, _ = in.WriteToUDP([]byte(peer.IP.String()+" "+string(buf[:n])), peer) // if it is lost, it is asked again
		}
	}()
	var out *net.UDPConn
	err := l.in(from, func() error {
		c, err := net.Dial("udp", dial)
		if err == nil {
			out = c.(*net.UDPConn)
		}
		return err
	})
	if err != nil {
		l.t.Fatal(err)
	}
	defer out.Close()
	l.eventually(fmt.Sprintf("a datagram from %s to %s comes back", from, dial), func() bool {
		_, err := out.Write([]byte("ping"))
		if err != nil || out.SetReadDeadline(time.Now().Add(200*time.Millisecond)) != nil {
			return false
		}
		buf := make([]byte, 2048)
		n, err := out.Read(buf)
		if err != nil {
			return false
		}
		_, err = fmt.Sscanf(string(buf[:n]), "%s ping", &source)
		return err == nil
	})
	return source
}

// portUnreachable sends a datagram to a closed port and says whether the kernel
// was told so.
func (l *lan) portUnreachable(from, addr string) bool {
	err := l.in(from, func() error {
		c, err := net.Dial("udp", net.JoinHostPort(addr, "9"))
		if err != nil {
			return err
		}
		defer c.Close()
		if _, err := c.Write([]byte("x")); err != nil {
			return err
		}
		if err := c.SetReadDeadline(time.Now().Add(200 * time.Millisecond)); err != nil {
			return err
		}
		_, err = c.Read(make([]byte, 8))
		return err
	})
	return err != nil && strings.Contains(err.Error(), "connection refused")
}

// refusesTCP says that a TCP connection to a listener does not come about.
func (l *lan) refusesTCP(from, to, addr string) {
	l.t.Helper()
	err := l.in(to, func() error {
		ln, err := net.Listen("tcp", net.JoinHostPort(addr, "0"))
		if err != nil {
			return err
		}
		defer ln.Close()
		c, err := l.dial(from, ln.Addr().String(), 500*time.Millisecond)
		if err == nil {
			c.Close()
			l.t.Errorf("TCP from %s to %s in %s is open, and should not be", from, addr, to)
		}
		return nil
	})
	if err != nil {
		l.t.Fatal(err)
	}
}

// greeter tells whoever connects a word.
func (l *lan) greeter(ns, addr, word string) {
	l.t.Helper()
	// Who is gone does not read it.
	if _, err := l.serveTCP(ns, addr, func(c net.Conn) { _, _ = io.WriteString(c, word) }); err != nil {
		l.t.Fatal(err)
	}
}

// greeted is the word that a greeter told; "": none.
func (l *lan) greeted(from, addr string) string {
	c, err := l.dial(from, addr, 2*time.Second)
	if err != nil {
		return ""
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(2 * time.Second)) // a deadline missed shows as an empty word
	b, err := io.ReadAll(c)
	if err != nil {
		return ""
	}
	return string(b)
}
