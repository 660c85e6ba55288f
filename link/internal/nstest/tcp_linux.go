package nstest

import (
	"io"
	"net"
	"testing"
)

// Transfer sends data by TCP from n to host, an address of to, and writes what arrives
// there to sink.
func (n *Namespace) Transfer(t testing.TB, to *Namespace, host string, data io.Reader, sink io.Writer) {
	t.Helper()
	var ln net.Listener
	to.Do(t, func() (err error) { ln, err = net.Listen("tcp", net.JoinHostPort(host, "0")); return err })
	defer ln.Close()
	var conn net.Conn
	received := make(chan error, 1)
	go func() {
		from, err := ln.Accept()
		if err == nil {
			_, err = io.Copy(sink, from)
			from.Close()
		}
		received <- err
	}()
	n.Do(t, func() (err error) { conn, err = net.Dial("tcp", ln.Addr().String()); return err })
	if _, err := io.Copy(conn, data); err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if err := <-received; err != nil {
		t.Fatal(err)
	}
}

// BenchmarkTransfer transfers 256 MiB each time.
func (n *Namespace) BenchmarkTransfer(b *testing.B, to *Namespace, host string) {
	const size = 256 << 20
	b.SetBytes(size)
	for b.Loop() {
		n.Transfer(b, to, host, io.LimitReader(zeros{}, size), io.Discard)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return len(b), nil }
