package api

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"syscall"
	"time"
)

const enodev = syscall.ENODEV

// unary makes a handler of one command: JSON in, JSON out.
func unary[Req, Resp any](s *server, op string, call func(context.Context, Caller, Req) (Resp, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var req Req
		if status, err := decode(r, op, &req); err != nil {
			s.refuse(w, status, err)
			return
		}
		s.bodyRead(w)
		caller, _ := callerOf(r)
		resp, err := call(r.Context(), caller, req)
		if err != nil {
			e := asError(op, err)
			s.refuse(w, statusOf(e), e)
			return
		}
		s.reply(w, http.StatusOK, resp)
	})
}

// discard makes a command without an answer look like one with one.
func discard[Req any](call func(context.Context, Caller, Req) error) func(context.Context, Caller, Req) (struct{}, error) {
	return func(ctx context.Context, c Caller, r Req) (struct{}, error) { return struct{}{}, call(ctx, c, r) }
}

// monitorLine is one line of monitor's answer: an event, or, last, why it ended.
type monitorLine struct {
	Event
	Error *Error `json:"error,omitempty"`
}

func (s *server) monitor(w http.ResponseWriter, r *http.Request) {
	var req Monitor
	if status, err := decode(r, "monitor", &req); err != nil {
		s.refuse(w, status, err)
		return
	}
	s.bodyRead(w)
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(s.stopping, cancel)()

	out := &lineWriter{s: s, w: w, enc: json.NewEncoder(w)}
	caller, _ := callerOf(r)
	err := s.backend.Monitor(ctx, caller, req, func(e Event) error {
		if !req.wants(e) {
			if e == (Event{}) {
				return out.open()
			}
			return nil
		}
		return out.write(monitorLine{Event: e})
	})
	switch {
	case err == nil || ctx.Err() != nil:
		_ = out.open() // an end without an event is an answer, too
	case !out.opened:
		e := asError("monitor", err)
		s.refuse(w, statusOf(e), e)
	default:
		_ = out.write(monitorLine{Error: asError("monitor", err)})
	}
}

// lineWriter sends one value a line, each at once.
type lineWriter struct {
	s      *server
	w      http.ResponseWriter
	enc    *json.Encoder
	opened bool
}

// open sends the headers: the client then knows that it is subscribed.
func (l *lineWriter) open() error {
	l.s.writeSoon(l.w)
	if !l.opened {
		l.opened = true
		l.w.Header().Set("Content-Type", "application/x-ndjson")
		l.w.WriteHeader(http.StatusOK)
	}
	return http.NewResponseController(l.w).Flush()
}

func (l *lineWriter) write(line monitorLine) error {
	if err := l.open(); err != nil {
		return err
	}
	if err := l.enc.Encode(line); err != nil {
		return err
	}
	return http.NewResponseController(l.w).Flush()
}

// decode reads exactly one JSON value of the request's type.
func decode(r *http.Request, op string, into any) (status int, err *Error) {
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	fault := dec.Decode(into)
	if fault == nil {
		if _, more := dec.Token(); more != io.EOF {
			fault = errors.New("something follows the request")
			if big, ok := asType[*http.MaxBytesError](more); ok {
				fault = big
			}
		}
	}
	if fault == nil {
		return 0, nil
	}
	if _, ok := asType[*http.MaxBytesError](fault); ok {
		return http.StatusRequestEntityTooLarge, &Error{Op: op, Msg: "the request is too long"}
	}
	return http.StatusBadRequest, &Error{Op: op, Msg: "the request is not understood (" + fault.Error() +
		"); are ipvl and the appliance of the same version?"}
}

// bodyRead lifts the deadline for reading: net/http goes on reading to see the
// client leave, and a deadline that fires would look like that.
func (s *server) bodyRead(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
}

// writeSoon gives the client its time to take what is written next.
func (s *server) writeSoon(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(s.opts.Timeout))
}

func (s *server) reply(w http.ResponseWriter, status int, v any) {
	s.writeSoon(w)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(v); err != nil {
		s.opts.Log.Debug("an answer was not taken", "err", err)
	}
}

func (s *server) refuse(w http.ResponseWriter, status int, e *Error) {
	s.reply(w, status, e)
}

// statusOf is for those who talk HTTP themselves: the error's text and errno
// are what counts.
func statusOf(e *Error) int {
	switch syscall.Errno(e.Errno) {
	case syscall.EPERM, syscall.EACCES:
		return http.StatusForbidden
	case syscall.ENODEV, syscall.ENOENT, syscall.ESRCH:
		return http.StatusNotFound
	case syscall.EEXIST, syscall.EBUSY, syscall.EADDRINUSE:
		return http.StatusConflict
	}
	return http.StatusUnprocessableEntity
}
