package load

import (
	"encoding/json"
	"fmt"
	"io"
)

// The sides that Main knows.
const (
	ServerSide = "server"
	ClientSide = "client"
)

// ready is the line that a server prints once it listens.
const ready = "ready"

// Main is a process that is one side of a load: it prints its result in JSON. It
// needs Env.
func Main(side, spec string, stdout io.Writer) error {
	s, err := Parse(spec)
	if err != nil {
		return err
	}
	Quiet()
	var r Result
	switch side {
	case ServerSide:
		r, err = Serve(s, func() { fmt.Fprintln(stdout, ready) })
	case ClientSide:
		r, err = Client(s)
	default:
		err = fmt.Errorf("load: side %q is neither %s nor %s", side, ServerSide, ClientSide)
	}
	if err != nil {
		return err
	}
	return json.NewEncoder(stdout).Encode(r)
}
