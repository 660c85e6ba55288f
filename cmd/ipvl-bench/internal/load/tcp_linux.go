package load

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

func serveTCP(fd int, s Spec, ready func()) (Result, error) {
	ready()
	fds, err := accept(fd, s.streams())
	if err != nil {
		return Result{}, err
	}
	defer closeAll(fds)
	if s.Reverse {
		return Result{}, sendAll(fds, s.duration())
	}
	return receiveAll(fds)
}

func clientTCP(s Spec) (Result, error) {
	var fds []int
	defer func() { closeAll(fds) }()
	for range s.streams() {
		fd, err := connect(unix.SOCK_STREAM, s.Addr)
		if err != nil {
			return Result{}, err
		}
		fds = append(fds, fd)
	}
	if s.Reverse {
		return receiveAll(fds)
	}
	if err := sendAll(fds, s.duration()); err != nil {
		return Result{}, err
	}
	// The far side reads what is on the way, and then closes.
	for _, fd := range fds {
		if _, err := read(fd, make([]byte, 1)); err != nil {
			return Result{}, fmt.Errorf("wait for the receiver: %w", err)
		}
	}
	return Result{}, nil
}

// each runs f on a thread for each descriptor.
func each(fds []int, f func(i, fd int) error) error {
	errs := make([]error, len(fds))
	var wg sync.WaitGroup
	for i, fd := range fds {
		wg.Go(func() {
			runtime.LockOSThread()
			errs[i] = f(i, fd)
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// sendAll writes to all for d, and says that nothing more comes.
func sendAll(fds []int, d time.Duration) error {
	end := time.Now().Add(d)
	return each(fds, func(_, fd int) error {
		for b := make([]byte, chunk); time.Now().Before(end); {
			if _, err := write(fd, b); err != nil {
				return fmt.Errorf("send: %w", err)
			}
		}
		return unix.Shutdown(fd, unix.SHUT_WR)
	})
}

// receiveAll reads all to their ends.
func receiveAll(fds []int) (Result, error) {
	totals := make([]uint64, len(fds))
	begin := time.Now()
	err := each(fds, func(i, fd int) error {
		for b := make([]byte, chunk); ; {
			n, err := read(fd, b)
			if err != nil {
				return fmt.Errorf("receive: %w", err)
			}
			if n == 0 {
				return nil
			}
			totals[i] += uint64(n)
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
