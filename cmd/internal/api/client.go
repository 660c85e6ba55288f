package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
)

// Client talks to the appliance at Socket. Its methods are those of [Backend];
// the appliance learns from the kernel who calls. All errors are *[Error].
type Client struct {
	Socket string // path, see SocketPath
}

// LinkAdd makes a device.
func (c Client) LinkAdd(ctx context.Context, r LinkAdd) error {
	return c.call(ctx, "link add", "/v1/link/add", r, nil)
}

// LinkSet changes a device, or its master's mode.
func (c Client) LinkSet(ctx context.Context, r LinkSet) error {
	return c.call(ctx, "link set", "/v1/link/set", r, nil)
}

// LinkDel deletes a device.
func (c Client) LinkDel(ctx context.Context, r LinkDel) error {
	return c.call(ctx, "link del", "/v1/link/del", r, nil)
}

// LinkShow lists interfaces.
func (c Client) LinkShow(ctx context.Context, r LinkShow) (links []Link, err error) {
	return links, c.call(ctx, "link show", "/v1/link/show", r, &links)
}

// AddrShow lists interfaces with their addresses.
func (c Client) AddrShow(ctx context.Context, r AddrShow) (links []Link, err error) {
	return links, c.call(ctx, "addr show", "/v1/addr/show", r, &links)
}

// RouteShow lists routes.
func (c Client) RouteShow(ctx context.Context, r RouteShow) (routes []Route, err error) {
	return routes, c.call(ctx, "route show", "/v1/route/show", r, &routes)
}

// RouteGet asks for the way of one packet.
func (c Client) RouteGet(ctx context.Context, r RouteGet) (route Route, err error) {
	return route, c.call(ctx, "route get", "/v1/route/get", r, &route)
}

// NeighShow lists the router's next hops.
func (c Client) NeighShow(ctx context.Context, r NeighShow) (neighs []Neigh, err error) {
	return neighs, c.call(ctx, "neigh show", "/v1/neigh/show", r, &neighs)
}

// RuleShow lists the chains of a table with their rules.
func (c Client) RuleShow(ctx context.Context, r RuleShow) (chains []RuleChain, err error) {
	return chains, c.call(ctx, string(r.Table)+" show", "/v1/rule/show", r, &chains)
}

// RuleChange changes the rules of a table.
func (c Client) RuleChange(ctx context.Context, r RuleChange) error {
	return c.call(ctx, string(r.Table)+" "+string(r.Op), "/v1/rule/change", r, nil)
}

// Monitor calls emit for each event until ctx ends (it then returns nil), emit
// fails (its error) or the appliance goes away. emit gets a zero Event first,
// when nothing can be missed any more.
func (c Client) Monitor(ctx context.Context, r Monitor, emit func(Event) error) error {
	resp, err := c.post(ctx, "monitor", "/v1/monitor", r)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	defer resp.Body.Close()
	if err := emit(Event{}); err != nil {
		return err
	}
	dec := json.NewDecoder(resp.Body)
	for {
		var line monitorLine
		err := dec.Decode(&line)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return &Error{Op: "monitor", Msg: "the appliance went away", Err: err}
		case line.Error != nil:
			return line.Error
		}
		if err := emit(line.Event); err != nil {
			return err
		}
	}
}

func (c Client) call(ctx context.Context, op, path string, req, into any) error {
	resp, err := c.post(ctx, op, path, req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if into == nil {
		_, err = io.Copy(io.Discard, resp.Body)
	} else {
		err = json.NewDecoder(resp.Body).Decode(into)
	}
	if err != nil {
		return &Error{Op: op, Msg: "the appliance's answer broke off: " + err.Error(), Err: err}
	}
	return nil
}

// post sends one request on a connection of its own. A refusal comes back as error.
func (c Client) post(ctx context.Context, op, path string, req any) (*http.Response, error) {
	body, err := json.Marshal(req)
	if err != nil {
		return nil, &Error{Op: op, Msg: err.Error(), Err: err}
	}
	hr, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://ipvl"+path, bytes.NewReader(body))
	if err != nil {
		return nil, &Error{Op: op, Msg: err.Error(), Err: err}
	}
	hr.Header.Set("Content-Type", "application/json")
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", c.Socket)
		},
	}
	resp, err := (&http.Client{Transport: transport}).Do(hr)
	if err != nil {
		return nil, c.unreachable(op, err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer resp.Body.Close()
	refusal := &Error{}
	if err := json.NewDecoder(resp.Body).Decode(refusal); err != nil {
		return nil, &Error{Op: op, Msg: fmt.Sprintf("%s is no appliance of ipvl: it answers %s", c.Socket, resp.Status), Err: err}
	}
	return nil, refusal
}

// unreachable says what to do where no appliance answers.
func (c Client) unreachable(op string, err error) *Error {
	for _, errno := range []syscall.Errno{syscall.ENOENT, syscall.ECONNREFUSED} {
		if errors.Is(err, errno) {
			return &Error{Op: op, Err: err, Msg: fmt.Sprintf("no appliance is running at %s (%s); start one with: ipvl serve", c.Socket, errno)}
		}
	}
	if errors.Is(err, os.ErrPermission) {
		return &Error{Op: op, Err: err, Msg: fmt.Sprintf("the appliance at %s is another user's (permission denied); use sudo, or -S with one of yours", c.Socket)}
	}
	return &Error{Op: op, Err: err, Msg: fmt.Sprintf("cannot ask the appliance at %s: %v", c.Socket, err)}
}
