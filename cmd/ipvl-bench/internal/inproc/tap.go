package inproc

import (
	"fmt"
	"net/netip"

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
	i, err := workload(m, netns, s.Addr.Addr())
	if i != nil {
		defer i.Close() // a veth pair would outlive the process
	}
	if err != nil {
		return load.Result{}, fmt.Errorf("make a device in %s: %w", netns, err)
	}
	client, err := onDevice(m, s.Addr.Addr().Next())
	if err != nil {
		return load.Result{}, err
	}
	return load.Conns(s, dialer(client, s.Addr))
}

// workload makes a device in a namespace. Its interface, if there is one, is the
// caller's to close, whatever the error.
func workload(m *link.Master, netns string, a netip.Addr) (nsutil.Interface, error) {
	ns, err := nsutil.Resolve(netns)
	if err != nil {
		return nil, err
	}
	mac := m.MAC()
	i, err := nsutil.Create(nsutil.Options{Name: "ipvl0", Netns: ns, MAC: mac[:]})
	if err != nil {
		return nil, err
	}
	p, err := openPort(i)
	if err != nil {
		return i, err
	}
	d, err := m.NewDevice(link.DeviceOptions{Name: "ipvl0", Port: p})
	if err != nil {
		return i, err
	}
	if err := bringUp(i, d, a); err != nil {
		return i, err
	}
	go serve(p, d)
	return i, nil
}

// bringUp gives the interface its address and registers it.
func bringUp(i nsutil.Interface, d *link.Device, a netip.Addr) error {
	if err := i.Up(); err != nil {
		return err
	}
	index, err := i.Index()
	if err != nil {
		return err
	}
	addr := rtnl.Addr{Prefix: netip.PrefixFrom(a, bits), Address: a, Preferred: forever, Valid: forever}
	if err := i.Do(func() error { return nsutil.AddAddr(index, addr) }); err != nil {
		return err
	}
	if err := d.AddAddress(a); err != nil {
		return err
	}
	d.SetUp(true)
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
	// It ends with the interface; if that was too early, the load fails.
	_ = p.ServeBatch(func(frames [][]byte) { d.TransmitBatch(frames, &batch) })
}
