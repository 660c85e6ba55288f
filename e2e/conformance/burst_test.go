package conformance

import (
	"errors"
	"reflect"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// burst sends many copies of a frame without a break, and tells what that did
// to the counters of packets: sockets are too small for so much. It is done
// again until that is what is expected, or what it was before: stacks may say
// something meanwhile, and a queue before the engine's may overflow, a TAP's or
// a socket's.
func (l *lab) burst(s *step, expect []string) (lines []string, err error) {
	before := expect
	for range 5 {
		lines, err = l.count(l.counted, func() ([]string, error) {
			if err := undisturbed(func() error { return l.pour(s) }); err != nil {
				return nil, err
			}
			return nil, l.workedOff()
		})
		lines = slices.DeleteFunc(lines, func(line string) bool {
			return !strings.Contains(line, " packets ") && !strings.Contains(line, " dropped ")
		})
		if err != nil || before != nil && slices.Equal(lines, before) {
			break
		}
		if expect == nil {
			before = append([]string{}, lines...)
		}
	}
	return append([]string{}, lines...), err
}

// undisturbed runs f in a thread before which no other comes, where that is
// permitted: on one processor that keeps the worker from running that takes
// frames from the driver's queue.
func undisturbed(f func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // which would wait for other threads
	if unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 1}, 0) == nil {
		defer func() {
			_ = unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_NORMAL}, 0)
		}()
	}
	return f()
}

// pour sends the frame from all places of a burst by turns. What is queued
// counts as being sent: buffers are made as large as may be.
func (l *lab) pour(s *step) error {
	for _, from := range s.argv {
		if socket := l.socketOf(from); socket != nil && unix.SetsockoptInt(socket.fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, 16<<20) != nil {
			_ = unix.SetsockoptInt(socket.fd, unix.SOL_SOCKET, unix.SO_SNDBUF, 16<<20)
		}
	}
	for range s.burst {
		for _, from := range s.argv {
			err := l.send(from, s.frame)
			for ; errors.Is(err, unix.EAGAIN); err = l.send(from, s.frame) {
				fds := []unix.PollFd{{Fd: int32(l.socketOf(from).fd), Events: unix.POLLOUT}}
				if _, err := unix.Poll(fds, -1); err != nil && !errors.Is(err, unix.EINTR) {
					return err
				}
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// workedOff reads what the sockets have got, and throws it away, until the
// counters stand still; sentinels then go behind what is left in queues.
func (l *lab) workedOff() error {
	before, err := l.each(l.counted)
	for still := 0; err == nil && still < 5; still++ {
		pause()
		if err := l.poll(0, nil); err != nil {
			return err
		}
		var after []counters
		if after, err = l.each(l.counted); !reflect.DeepEqual(before, after) {
			before, still = after, 0
		}
	}
	if err != nil {
		return err
	}
	_, err = l.observe(nil)
	return err
}
