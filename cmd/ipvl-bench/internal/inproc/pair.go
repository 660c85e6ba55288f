package inproc

import (
	"fmt"
	"net/netip"

	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/stack"

	"github.com/ipvl/ipvl/cmd/ipvl-bench/internal/load"
	"github.com/ipvl/ipvl/link"
	"github.com/ipvl/ipvl/link/vnet"
)

// The links that Pair knows.
const (
	Master  = "master"
	Pipe    = "pipe"
	Channel = "channel"
)

// mtu is Ethernet's, for all of them.
const mtu = 1500

// Pair runs a load from one netstack to another in this process. The server
// has the address of s.
func Pair(kind string, s load.Spec) (load.Result, error) {
	client := s.Addr.Addr().Next()
	a, b, err := nodes(kind, client, s.Addr.Addr())
	if err != nil {
		return load.Result{}, err
	}
	l, err := gonet.ListenTCP(b, full(s.Addr), ipv4.ProtocolNumber)
	if err != nil {
		return load.Result{}, fmt.Errorf("listen: %w", err)
	}
	type side struct {
		load.Result
		err error
	}
	served := make(chan side, 1)
	go func() {
		r, err := load.ServeConns(s, l)
		served <- side{r, err}
	}()
	r, err := load.Conns(s, dialer(a, s.Addr))
	if err != nil {
		return r, err
	}
	server := <-served
	return load.Merge(r, server.Result), server.err
}

// nodes makes two netstacks with a link between them.
func nodes(kind string, a, b netip.Addr) (client, server *stack.Stack, err error) {
	switch kind {
	case Master:
		return onMaster(a, b)
	case Pipe:
		return onPipe(a, b)
	case Channel:
		return onChannel(a, b)
	}
	return nil, nil, fmt.Errorf("no link of kind %q: it is %s, %s or %s", kind, Master, Pipe, Channel)
}

// nowhere is an uplink that leads to nothing.
type nowhere struct{}

func (nowhere) WriteFrame([]byte) error { return nil }
func (nowhere) WriteVec([][]byte) error { return nil }
func (nowhere) Features() (f vnet.Features) {
	return f
}

// newMaster is a Master in mode l2 whose wire is dead.
func newMaster() (*link.Master, error) {
	return link.NewMasterOnPort(nowhere{}, link.MasterOptions{Mode: link.ModeL2, MAC: link.MAC{2, 0, 0, 0, 0, 1}, MTU: mtu})
}

// onDevice is a netstack on a new device of m.
func onDevice(m *link.Master, a netip.Addr) (*stack.Stack, error) {
	d, err := m.NewDevice(link.DeviceOptions{})
	if err != nil {
		return nil, err
	}
	s, err := newNode(d)
	if err != nil {
		return nil, err
	}
	return s, d.Assign(s, nic, netip.PrefixFrom(a, bits))
}

func onMaster(a, b netip.Addr) (client, server *stack.Stack, err error) {
	m, err := newMaster()
	if err != nil {
		return nil, nil, err
	}
	if client, err = onDevice(m, a); err != nil {
		return nil, nil, err
	}
	server, err = onDevice(m, b)
	return client, server, err
}
