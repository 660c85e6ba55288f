package nsutil

import (
	"errors"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"
)

// tablePrefix begins the names of our nftables tables; the interface's name
// follows.
const tablePrefix = "ipvl-"

// ingressPriority is before all of an administrator's chains: what is dropped
// was never the host's.
const ingressPriority = -400

// ingress returns the objects of a base chain on an interface, in a table of
// its own. Nothing is sent yet.
func ingress(ifname string, policy nftables.ChainPolicy) (*nftables.Table, *nftables.Chain) {
	table := &nftables.Table{Family: nftables.TableFamilyNetdev, Name: tablePrefix + ifname}
	return table, &nftables.Chain{
		Name:     "ingress",
		Table:    table,
		Type:     nftables.ChainTypeFilter,
		Hooknum:  nftables.ChainHookIngress,
		Priority: nftables.ChainPriorityRef(ingressPriority),
		Policy:   &policy,
		Device:   ifname,
	}
}

// dropAll installs, in the namespace of the calling thread, a table that
// drops all that an interface receives.
func dropAll(ifname string) error {
	conn, err := nftables.New()
	if err != nil {
		return wrap("open nftables for", ifname, err)
	}
	table, chain := ingress(ifname, nftables.ChainPolicyDrop)
	conn.AddTable(table)
	conn.AddChain(chain)
	return wrap("drop what is received on", ifname, conn.Flush())
}

// delTable takes our table for an interface away, if it is there. ifname ""
// has none.
func delTable(ifname string) error {
	if ifname == "" {
		return nil
	}
	conn, err := nftables.New()
	if err != nil {
		return wrap("open nftables for", ifname, err)
	}
	conn.DelTable(&nftables.Table{Family: nftables.TableFamilyNetdev, Name: tablePrefix + ifname})
	err = conn.Flush()
	if errors.Is(err, unix.ENOENT) {
		err = nil
	}
	return wrap("stop dropping what is received on", ifname, err)
}
