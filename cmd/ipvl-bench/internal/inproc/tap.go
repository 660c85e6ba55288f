package inproc

import (
	"fmt"
	"net/netip"
	"os"

	"github.com/ipvl/ipvl/cmd/ipvl-bench/internal/load"
	"github.com/ipvl/ipvl/link"
	"github.com/ipvl/ipvl/link/packet"
	"github.com/ipvl/ipvl/link/tap"
	"github.com/ipvl/ipvl/nsutil"
	"github.com/ipvl/ipvl/nsutil/rtnl"
)

// forever is the lifetime of an address that stays.
const forever = 1<<32 - 1

// AgainstTAP runs a load from a netstack of this process to a kernel server in
// a namespace, which gets a TAP of the same Master with the address of s; a veth
// pair where /dev/net/tun cannot be opened, as from the appliance.
func AgainstTAP(netns string, s load.Spec) (load.Result, error) {
	m, err := newMaster()
	if err != nil {
		return load.Result{}, err
	}
	if err := workload(m, netns, s.Addr.Addr()); err != nil {
		return load.Result{}, fmt.Errorf("make a TAP in %s: %w", netns, err)
	}
	client, err := onDevice(m, s.Addr.Addr().Next())
	if err != nil {
		return load.Result{}, err
	}
	return load.Conns(s, dialer(client, s.Addr))
}

// workload makes a device with a TAP in a namespace.
func workload(m *link.Master, netns string, a netip.Addr) error {
	ns, err := nsutil.Resolve(netns)
	if err != nil {
		return err
	}
	mac := m.MAC()
	i, err := nsutil.Create(nsutil.Options{Name: "ipvl0", Netns: ns, MAC: mac[:]})
	if err != nil {
		return err
	}
	p, err := openPort(i)
	if err != nil {
		return err
	}
	d, err := m.NewDevice(link.DeviceOptions{Name: "tap", Port: p})
	if err != nil {
		return err
	}
	if err := i.Up(); err != nil {
		return err
	}
	index, err := i.Index()
	if err != nil {
		return err
	}
	if err := i.Do(func() error {
		return nsutil.AddAddr(index, rtnl.Addr{Prefix: netip.PrefixFrom(a, bits), Address: a, Preferred: forever, Valid: forever})
	}); err != nil {
		return err
	}
	if err := d.AddAddress(a); err != nil {
		return err
	}
	d.SetUp(true)
	go serve(p, d)
	return nil
}

// dataPort is a byte port with its reader.
type dataPort interface {
	link.BatchPort
	ServeBatch(handle func(frames [][]byte)) error
}

func openPort(i nsutil.Interface) (dataPort, error) {
	if f := i.File(); f != nil {
		return tap.New(f, tap.Options{})
	}
	return packet.Open(packet.Options{Index: i.PortIndex(), Filter: packet.Filter{All: true}})
}

// serve reads what the workload sends until the process ends.
func serve(p dataPort, d *link.Device) {
	var batch link.Batch
	if err := p.ServeBatch(func(frames [][]byte) { d.TransmitBatch(frames, &batch) }); err != nil {
		fmt.Fprintln(os.Stderr, "the TAP ended:", err)
	}
}
