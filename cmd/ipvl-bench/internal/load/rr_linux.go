package load

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// warmUp is how many round trips are not counted.
const warmUp = 64

func serveRR(fd int, _ Spec, ready func()) (Result, error) {
	ready()
	fds, err := accept(fd, 1)
	if err != nil {
		return Result{}, err
	}
	defer closeAll(fds)
	if err := noDelay(fds[0]); err != nil {
		return Result{}, err
	}
	return Result{}, echo(fds[0])
}

// echo gives back each byte until the far side closes.
func echo(fd int) error {
	for b := make([]byte, 1); ; {
		n, err := read(fd, b)
		if n == 0 || errors.Is(err, unix.ECONNRESET) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("receive: %w", err)
		}
		if _, err := write(fd, b); err != nil {
			return fmt.Errorf("answer: %w", err)
		}
	}
}

// trip is one byte there and back.
func trip(fd int, b []byte) error {
	if _, err := write(fd, b); err != nil {
		return fmt.Errorf("ask: %w", err)
	}
	n, err := read(fd, b)
	if err == nil && n == 0 {
		err = errors.New("the server closed the connection")
	}
	if err != nil {
		return fmt.Errorf("wait for an answer: %w", err)
	}
	return nil
}

func clientRR(s Spec) (Result, error) {
	fd, err := connect(unix.SOCK_STREAM, s.Addr)
	if err != nil {
		return Result{}, err
	}
	defer unix.Close(fd)
	if err := noDelay(fd); err != nil {
		return Result{}, err
	}
	b := make([]byte, 1)
	return timed(s.duration(), func() error { return trip(fd, b) })
}

// timed does round trips for d and times each.
func timed(d time.Duration, trip func() error) (Result, error) {
	for range warmUp {
		if err := trip(); err != nil {
			return Result{}, err
		}
	}
	t := newTrips()
	begin := time.Now()
	last := begin
	for last.Sub(begin) < d && !t.full() {
		if err := trip(); err != nil {
			return Result{}, err
		}
		now := time.Now()
		t.add(now.Sub(last))
		last = now
	}
	return t.result(last.Sub(begin)), nil
}
