package main

import (
	"fmt"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
)

// port is where every server listens; no two share a namespace.
const port = 5201

// contender is a way for a client to a server.
type contender struct {
	name, title, family string
	// tools are the programs that it needs besides ip(8), each with what
	// installs it.
	tools []tool
	// spaces are its namespaces, setup the lines of package lab that build it.
	spaces, setup []string
	// client and server are the namespaces of the two, and addr is where the
	// client finds the server.
	client, server, addr string
	// inproc is the kind of link of package inproc, where a netstack of this
	// process is the client. Without a server namespace it is the server, too.
	inproc string
	// only are the measures that make sense; empty: all.
	only []string
}

// tool is a program.
type tool struct{ name, install string }

// contenders lists all of them, in the order in which they are shown.
func contenders() []contender {
	return slices.Concat(oursContenders(), inprocessContenders(), kernelContenders(), peerContenders())
}

// is tells whether a name from the command line means c.
func (c contender) is(name string) bool { return c.name == name || c.family == name }

// takes tells whether a measure is for c.
func (c contender) takes(measure string) bool {
	return len(c.only) == 0 || slices.Contains(c.only, measure)
}

// missing says which programs are not there, and how to get them; "" if none.
func (c contender) missing() string {
	var out []string
	for _, t := range c.tools {
		if _, err := exec.LookPath(t.name); err != nil {
			out = append(out, fmt.Sprintf("%s not found; get it by: %s", t.name, t.install))
		}
	}
	return strings.Join(out, "; ")
}

// to is where the client connects to.
func (c contender) to() (netip.AddrPort, error) {
	a, err := netip.ParseAddr(c.addr)
	return netip.AddrPortFrom(a, port), err
}
