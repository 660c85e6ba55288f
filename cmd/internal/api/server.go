package api

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// ServerOptions shape [Serve]. The zero value is ready for use.
type ServerOptions struct {
	Log *slog.Logger // nil: no log
	// Allow tells who is served. nil: the user that the server runs as, and
	// uid 0 of its user namespace.
	Allow func(Caller) bool
	// MaxBody bounds a request's body in bytes. 0: 64 KiB.
	MaxBody int64
	// Timeout bounds how long a request may take to arrive, and how long the
	// client may take for an answer, or an event of monitor. 0: 10 s.
	Timeout time.Duration
}

func (o ServerOptions) withDefaults() ServerOptions {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Allow == nil {
		o.Allow = allowCaller
	}
	if o.MaxBody == 0 {
		o.MaxBody = 64 << 10
	}
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	return o
}

// Serve answers requests on ln until ctx ends: it then closes ln, ends the
// monitors, lets the other requests finish (for at most Timeout) and returns
// nil. It returns an error where ln fails.
func Serve(ctx context.Context, ln net.Listener, b Backend, o ServerOptions) error {
	o = o.withDefaults()
	s := &server{backend: b, opts: o, stopping: ctx}
	hs := &http.Server{
		Handler:           s.guard(s.routes()),
		ConnContext:       withCaller,
		ReadHeaderTimeout: o.Timeout,
		IdleTimeout:       o.Timeout,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
	}
	done := make(chan error, 1)
	go func() { done <- hs.Serve(ln) }()
	select {
	case err := <-done:
		return &Error{Op: "serve", Msg: "the API socket failed: " + err.Error(), Err: err}
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), o.Timeout)
	defer cancel()
	if err := hs.Shutdown(grace); err != nil {
		hs.Close()
	}
	if err := <-done; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// server is what the handlers share. All of it is set before the first request.
type server struct {
	backend  Backend
	opts     ServerOptions
	stopping context.Context // ends when the server is to stop
}

func (s *server) routes() *http.ServeMux {
	mux, b := http.NewServeMux(), s.backend
	mux.Handle("POST /v1/link/add", unary(s, "link add", discard(b.LinkAdd)))
	mux.Handle("POST /v1/link/set", unary(s, "link set", discard(b.LinkSet)))
	mux.Handle("POST /v1/link/del", unary(s, "link del", discard(b.LinkDel)))
	mux.Handle("POST /v1/link/show", unary(s, "link show", s.linkShow))
	mux.Handle("POST /v1/addr/show", unary(s, "addr show", s.addrShow))
	mux.Handle("POST /v1/route/show", unary(s, "route show", s.routeShow))
	mux.Handle("POST /v1/route/get", unary(s, "route get", b.RouteGet))
	mux.Handle("POST /v1/neigh/show", unary(s, "neigh show", s.neighShow))
	mux.Handle("POST /v1/rule/show", unary(s, "rule show", s.ruleShow))
	mux.Handle("POST /v1/rule/change", unary(s, "rule change", discard(b.RuleChange)))
	mux.HandleFunc("POST /v1/monitor", s.monitor)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.refuse(w, http.StatusNotFound, &Error{Op: "api", Msg: "no such request: " + r.Method + " " + r.URL.Path})
	})
	return mux
}

// guard is what every request passes first: who asks, how much, how long; and
// what catches a handler's panic, so that it ends no device.
func (s *server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if v := recover(); v != nil {
				s.opts.Log.Error("a request panicked", "path", r.URL.Path, "panic", v)
				s.refuse(w, http.StatusInternalServerError, &Error{Op: "api", Msg: "the appliance failed on this request; its log says more"})
			}
		}()
		caller, ok := callerOf(r)
		if !ok || !s.opts.Allow(caller) {
			s.refuse(w, http.StatusForbidden, &Error{Op: "api", Errno: 1, // EPERM
				Msg: "only the user that runs the appliance, and root, may use it"})
			return
		}
		rc := http.NewResponseController(w)
		_ = rc.SetReadDeadline(time.Now().Add(s.opts.Timeout))
		r.Body = http.MaxBytesReader(w, r.Body, s.opts.MaxBody)
		next.ServeHTTP(w, r)
	})
}

func (s *server) linkShow(ctx context.Context, c Caller, r LinkShow) ([]Link, error) {
	links, err := s.backend.LinkShow(ctx, c, r)
	if err != nil {
		return nil, err
	}
	if err := named(links, "link show", r.Name); err != nil {
		return nil, err
	}
	return r.Filter(links), nil
}

func (s *server) addrShow(ctx context.Context, c Caller, r AddrShow) ([]Link, error) {
	links, err := s.backend.AddrShow(ctx, c, r)
	if err != nil {
		return nil, err
	}
	if err := named(links, "addr show", r.Name); err != nil {
		return nil, err
	}
	return r.Filter(links), nil
}

// named refuses a name that no link has: an empty answer would say that the
// link is there and does not match.
func named(links []Link, op, name string) error {
	if name == "" || len(keep(links, linkFilter{name: name}.wants)) > 0 {
		return nil
	}
	return &Error{Op: op, Errno: int(enodev)}
}

func (s *server) routeShow(ctx context.Context, c Caller, r RouteShow) ([]Route, error) {
	routes, err := s.backend.RouteShow(ctx, c, r)
	return r.Filter(routes), err
}

func (s *server) neighShow(ctx context.Context, c Caller, r NeighShow) ([]Neigh, error) {
	neighs, err := s.backend.NeighShow(ctx, c, r)
	return r.Filter(neighs), err
}

func (s *server) ruleShow(ctx context.Context, c Caller, r RuleShow) ([]RuleChain, error) {
	chains, err := s.backend.RuleShow(ctx, c, r)
	return r.Filter(chains), err
}
