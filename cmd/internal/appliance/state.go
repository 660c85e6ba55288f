package appliance

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"slices"
	"time"

	"github.com/ipvl/ipvl/cmd/internal/api"
	"github.com/ipvl/ipvl/nsutil"
	"github.com/ipvl/ipvl/nsutil/rtnl"
	"github.com/ipvl/ipvl/stack/fib"
	"github.com/ipvl/ipvl/stack/rules"
	"golang.org/x/sys/unix"
)

// stateVersion is the form of the state file.
const stateVersion = 1

// state is what outlives the process: devices, with what their workloads set
// on them, options and rules.
type state struct {
	Version int `json:"version"`
	// Boot tells one run of the system from another (boot_id of random(4)).
	Boot    string        `json:"boot"`
	Netns   savedNetns    `json:"netns"` // the default namespace
	Masters []savedMaster `json:"masters,omitempty"`
	Rules   rules.Set     `json:"rules"`
}

// savedNetns names a network namespace for longer than a process lives.
type savedNetns struct {
	Path   string `json:"path,omitempty"`
	Dev    uint64 `json:"dev"`
	Ino    uint64 `json:"ino"`
	Cookie uint64 `json:"cookie"`
}

type savedMaster struct {
	Name    string        `json:"name"`
	Mode    string        `json:"mode"`
	Flag    string        `json:"flag"`
	Lookup  string        `json:"lookup"`
	Devices []savedDevice `json:"devices"` // the last field (encodeState)
}

type savedDevice struct {
	Name string `json:"name"`
	ID   uint16 `json:"id"`
	// Netns is nil in the default namespace.
	Netns   *savedNetns `json:"netns,omitempty"`
	MTU     int         `json:"mtu"`
	TxQLen  int         `json:"txqlen"`
	Alias   string      `json:"alias,omitempty"`
	Up      bool        `json:"up,omitempty"`
	Options api.Options `json:"options,omitzero"`
	Addrs   []savedAddr `json:"addrs,omitempty"`
	Routes  []fib.Route `json:"routes,omitempty"`
}

// savedAddr is an address; Until says when it ends to be valid and preferred,
// in seconds since 1970, 0 for never.
type savedAddr struct {
	rtnl.Addr
	Until [2]int64 `json:"until"`
}

// registration is one address of an interface and what it registers.
type registration struct {
	addr netip.Addr
	raw  rtnl.Addr
	seen time.Time // raw's lifetimes count from here
}

// capture is the state as it is now, as it is written. Only devices that have
// changed since the last one are written down anew.
//
// +checklocks:a.mu
func (a *Appliance) capture() ([]byte, error) {
	st := state{Version: stateVersion, Boot: a.boot, Netns: a.netns, Rules: a.rules}
	var masters []*master
	for _, m := range a.masters {
		masters = append(masters, m)
	}
	slices.SortFunc(masters, func(x, y *master) int { return x.index - y.index })
	devices := make([][][]byte, len(masters))
	for i, m := range masters {
		st.Masters = append(st.Masters, savedMaster{
			Name: m.name, Mode: m.link.Mode().String(), Flag: m.link.Flag().String(), Lookup: lookupWord(m.lookup),
		})
		for _, d := range m.devices {
			if d.encoded == nil {
				var err error
				if d.encoded, err = json.Marshal(d.saved(m)); err != nil {
					return nil, err
				}
			}
			devices[i] = append(devices[i], d.encoded)
		}
	}
	return encodeState(st, devices)
}

// encodeState writes st, whose masters have no devices, with theirs: a line each.
func encodeState(st state, devices [][][]byte) ([]byte, error) {
	masters := st.Masters
	st.Masters = nil
	b, err := json.MarshalIndent(st, "", "\t")
	if err != nil {
		return nil, err
	}
	b = append(bytes.TrimSuffix(b, []byte("\n}")), ",\n\t\"masters\": ["...)
	for i, m := range masters {
		head, err := json.Marshal(m)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(b, '\n'), bytes.TrimSuffix(head, []byte("null}"))...) // of "devices", which comes last
		b = append(b, "[\n"...)
		b = append(append(b, bytes.Join(devices[i], []byte(",\n"))...), "]}"...)
	}
	return append(b, "]}\n"...), nil
}

// saved is what has to be remembered of a device.
func (d *device) saved(m *master) savedDevice {
	sd := savedDevice{
		Name: d.name, ID: d.link.ID(), MTU: int(d.link.MTU()), TxQLen: d.txqlen, Alias: d.alias, Up: d.up,
		Options: *d.opts.shown(m.lookup), Routes: d.routes,
	}
	sd.Options.Lookup = nil // it is the master's
	if d.at.nsid != -1 {
		ns := d.netns
		sd.Netns = &ns
	}
	automatic := nsutil.LinkLocal(m.mac, d.link.ID())
	for _, reg := range d.entries {
		if reg.raw.Prefix.Addr() == automatic || reg.raw.Flags&unix.IFA_F_TEMPORARY != 0 && reg.raw.Prefix.Addr().Is6() {
			continue
		}
		sa := savedAddr{Addr: reg.raw}
		for i, seconds := range []uint32{reg.raw.Valid, reg.raw.Preferred} {
			if seconds != forever {
				sa.Until[i] = reg.seen.Unix() + int64(seconds)
			}
		}
		sd.Addrs = append(sd.Addrs, sa)
	}
	slices.SortFunc(sd.Addrs, func(x, y savedAddr) int { return x.Prefix.Addr().Compare(y.Prefix.Addr()) })
	return sd
}

// now is the address with the lifetimes that are left; false: it is over.
func (sa savedAddr) now(t time.Time) (rtnl.Addr, bool) {
	ad := sa.Addr
	ad.Valid, ad.Preferred = forever, forever
	for i, seconds := range []*uint32{&ad.Valid, &ad.Preferred} {
		if sa.Until[i] != 0 {
			*seconds = uint32(max(0, sa.Until[i]-t.Unix()))
		}
	}
	return ad, ad.Valid > 0
}

// identify notes in which namespace a device is, in a form that lasts.
func (a *Appliance) identify(d *device) {
	var ns savedNetns
	err := d.iface.Do(func() (err error) {
		id := nsutil.Ref{}.ID()
		ns.Dev, ns.Ino = id.Dev, id.Ino
		ns.Cookie, err = nsutil.Ref{}.Cookie()
		return err
	})
	if err != nil {
		a.attempt(d, "identify its namespace", err)
		return
	}
	if name := nsutil.NameOf(nsutil.ID{Dev: ns.Dev, Ino: ns.Ino}); name != "" {
		ns.Path = nsutil.NetnsDir + "/" + name
	}
	d.netns = ns
}
