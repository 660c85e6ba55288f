package uring

import (
	"bytes"
	"errors"

	"golang.org/x/sys/unix"
)

// Probe tries out whether kernel and container allow all that a Ring does, apart from
// what a kind of descriptor may lack: see Takes. The error is an *Error whose Op is the
// step that was refused.
func Probe() error {
	r, err := New(Options{Entries: 4})
	if err != nil {
		return err
	}
	defer r.Close()
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil { // blocking, because nothing must wait in any mode
		return &Error{"pipe2", err}
	}
	defer unix.Close(p[0])
	defer unix.Close(p[1])
	return r.try(p)
}

// try carries one of each out on a pipe.
func (r *Ring) try(pipe [2]int) error {
	sent, got := []byte("one two"), make([]byte, 8)
	none := Completion{}
	for _, step := range []struct {
		op    string
		queue func()
		want  Completion
	}{
		{"nop", func() { r.next(opNop, -1, 0) }, none},
		{"read nothing", func() { r.Read(pipe[0], got, 0) }, Completion{Errno: unix.EAGAIN}},
		{"write", func() { r.Write(pipe[1], sent[:3], 0) }, Completion{N: 3}},
		{"writev", func() { r.Writev(pipe[1], [][]byte{sent[3:4], sent[4:]}, 0) }, Completion{N: 4}},
		{"read", func() { r.Read(pipe[0], got, 0) }, Completion{N: 7}},
	} {
		step.queue()
		_, err := r.Enter()
		switch c := r.Completions(); {
		case err != nil:
			return &Error{step.op, errors.Unwrap(err)}
		case r.Strays() != 0:
			return &Error{step.op, ErrWaits}
		case len(c) == 1 && c[0] == step.want:
		case len(c) == 1 && c[0].Errno != 0:
			return &Error{step.op, c[0].Errno}
		default:
			return &Error{step.op, ErrWrong}
		}
	}
	if !bytes.Equal(got[:len(sent)], sent) {
		return &Error{"read", ErrWrong}
	}
	return nil
}

// Takes tells whether requests for fd never wait, by a read of no bytes, which leaves a queue as
// it is. The error is an *Error: EOPNOTSUPP for a TAP before Linux 6.4, whose frames have to
// go by plain system calls. Nothing may be queued.
func (r *Ring) Takes(fd int) error {
	if r.Queued() != 0 || !r.Read(fd, nil, 0) {
		return &Error{"takes", unix.EBUSY}
	}
	if _, err := r.Enter(); err != nil {
		return err
	}
	for _, c := range r.Completions() {
		if c.Errno != 0 && c.Errno != unix.EAGAIN {
			return &Error{"takes", c.Errno}
		}
	}
	return nil
}
