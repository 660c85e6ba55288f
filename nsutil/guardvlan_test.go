package nsutil

import (
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/ipvl/ipvl/nsutil/sandbox/sandboxtest"
)

// Rows R2-28, R2-29: the frames of a VLAN belong to the host's interface of
// that VLAN, whatever address is in them; a priority tag changes nothing.
func TestGuardLeavesVLANsToTheHost(t *testing.T) {
	sandboxtest.Each(t, func(t *testing.T) {
		lab := newGuardLab(t)
		var g HostGuard
		if err := errors.Join(g.Ensure("m0"), g.SetAddrs(addrs("10.0.0.1"))); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { g.Remove() })
		passed := counter(t, "m0")
		p0 := linkOf(t, lab.peer, "p0")
		arp := arpRequest(p0.Address, "10.0.0.9", "10.0.0.1")
		tagged := func(tpid, tci uint16) []byte {
			b := binary.BigEndian.AppendUint16(append([]byte{}, arp[:12]...), tpid)
			return append(binary.BigEndian.AppendUint16(b, tci), arp[12:]...)
		}
		err := lab.peer.Do(func() error {
			fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				return err
			}
			defer unix.Close(fd)
			for _, frame := range [][]byte{
				arp, tagged(unix.ETH_P_8021Q, 7<<13), // for the device
				tagged(unix.ETH_P_8021Q, 5), tagged(unix.ETH_P_8021AD, 7<<13|5), // for the host
			} {
				err = errors.Join(err, unix.Sendto(fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: p0.Index}))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		// The last that passes comes after all that must not.
		deadline := time.Now().Add(patience)
		for passed() < 2 && time.Now().Before(deadline) {
			continue
		}
		if got := passed(); got != 2 {
			t.Errorf("%d frames passed the guard, want the 2 of VLAN 5", got)
		}
	})
}

// counter counts the ARP frames that come after the guard's chain.
func counter(t *testing.T, ifname string) func() uint64 {
	t.Helper()
	c, err := nftables.New()
	if err != nil {
		t.Fatal(err)
	}
	table, chain := ingress(ifname, nftables.ChainPolicyAccept)
	table.Name, chain.Priority = "counter", nftables.ChainPriorityFilter
	c.AddTable(table)
	c.AddChain(chain)
	c.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: []expr.Any{
		&expr.Meta{Key: expr.MetaKeyPROTOCOL, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{8, 6}},
		&expr.Counter{},
	}})
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	return func() uint64 {
		rules, err := c.GetRules(table, chain)
		if err != nil || len(rules) != 1 {
			t.Fatalf("%d rules: %v", len(rules), err)
		}
		return rules[0].Exprs[2].(*expr.Counter).Packets
	}
}
