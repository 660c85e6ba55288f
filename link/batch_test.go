package link_test

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/ipvl/ipvl/link"
	"github.com/ipvl/ipvl/link/linktest"
	"github.com/ipvl/ipvl/link/vnet"
)

// batchPort notes what it gets, and in how many calls.
type batchPort struct {
	features vnet.Features
	lose     int // of each batch
	log      *[]string
	name     string
}

func (p *batchPort) note(f []byte) string { return fmt.Sprintf("%s%d", p.name, f[len(f)-1]) }

func (p *batchPort) WriteFrame(f []byte) error {
	*p.log = append(*p.log, p.note(f))
	return nil
}

func (p *batchPort) WriteVec(pieces [][]byte) error { return p.WriteFrame(pieces[len(pieces)-1]) }
func (p *batchPort) Features() vnet.Features        { return p.features }

func (p *batchPort) WriteFrames(frames [][]byte) int {
	if p.log == nil {
		return p.lose
	}
	var names []string
	for _, f := range frames {
		names = append(names, p.note(f))
	}
	*p.log = append(*p.log, fmt.Sprint(names))
	return p.lose
}

// batchLab has device 0 as sender, devices 1 and 2 with ports that log.
func batchLab(t *testing.T, features vnet.Features) (m *link.Master, dev [3]*link.Device, ports [3]*batchPort, log *[]string) {
	t.Helper()
	log = new([]string)
	uplink := &batchPort{features: features, log: log, name: "w"}
	m, err := link.NewMasterOnPort(uplink, link.MasterOptions{Mode: link.ModeL2, MAC: masterMAC})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Shutdown)
	for i := range dev {
		ports[i] = &batchPort{features: features, log: log, name: string(rune('a' + i))}
		if dev[i], err = m.NewDevice(link.DeviceOptions{Port: ports[i]}); err != nil {
			t.Fatal(err)
		}
		dev[i].SetUp(true)
		if err := dev[i].AddAddress(ip(fmt.Sprintf("10.0.0.%d", 10+i))); err != nil {
			t.Fatal(err)
		}
	}
	return m, dev, ports, log
}

// to is a frame to 10.0.0.(10+i), or to the wire, whose last byte is n.
func to(i, n int) []byte {
	dst := masterMAC
	if i < 0 {
		dst, i = peerMAC, 90
	}
	pkt := linktest.IPv4(ip("10.0.0.10"), ip(fmt.Sprintf("10.0.0.%d", 10+i)), 253, []byte{byte(n)})
	return linktest.Frame(dst, masterMAC, 0x0800, pkt)
}

// Frames of one port go out in one call and in their order.
func TestBatch(t *testing.T) {
	_, dev, ports, log := batchLab(t, vnet.FeaturesAll)
	var b link.Batch
	dev[0].TransmitBatch([][]byte{to(1, 1), to(2, 2), to(1, 3), to(-1, 4), to(2, 5), to(-1, 6), to(1, 7)}, &b)
	if want := []string{"[b1 b3 b7]", "[c2 c5]", "[w4 w6]"}; !slices.Equal(*log, want) {
		t.Errorf("%v, want %v", *log, want)
	}
	if got := dev[1].Stats().RxPackets; got != 3 {
		t.Errorf("%d frames received", got)
	}
	*log = nil
	ports[1].lose = 2
	dev[0].TransmitBatch([][]byte{to(1, 1), to(1, 2), to(1, 3)}, &b)
	if got := dev[1].Stats().Drops["write"]; got != 2 {
		t.Errorf("%d frames lost, want 2", got)
	}
	*log = nil
	dev[0].TransmitBatch(nil, &b)
	dev[0].Transmit(to(1, 9))
	if want := []string{"b9"}; !slices.Equal(*log, want) {
		t.Errorf("%v, want %v", *log, want)
	}
}

// What cannot wait does not overtake what waits.
func TestBatchKeepsOrderAroundFinishedFrames(t *testing.T) {
	_, dev, _, log := batchLab(t, 0)
	h := vnet.Header{Flags: vnet.FlagNeedsCsum, CsumStart: 34, CsumOffset: 6}
	pkt := linktest.IPv4(ip("10.0.0.10"), ip("10.0.0.11"), 17, append(make([]byte, 8), 0, 2))
	binary.BigEndian.PutUint16(pkt[24:], 10)
	open := linktest.Frame(masterMAC, masterMAC, 0x0800, pkt)
	h.Encode(open)
	var b link.Batch
	dev[0].TransmitBatch([][]byte{to(1, 1), open, to(1, 3)}, &b)
	if want := []string{"[b1]", "b2", "[b3]"}; !slices.Equal(*log, want) {
		t.Errorf("%v, want %v", *log, want)
	}
}

func TestReceiveBatch(t *testing.T) {
	m, _, ports, log := batchLab(t, vnet.FeaturesAll)
	in := func(i, n int) []byte {
		f := to(i, n)
		copy(f[vnet.HeaderLen+6:], peerMAC[:])
		return f
	}
	var b link.Batch
	m.ReceiveBatch([][]byte{in(0, 1), in(1, 2), in(0, 3)}, &b)
	if want := []string{"[a1 a3]", "[b2]"}; !slices.Equal(*log, want) {
		t.Errorf("%v, want %v", *log, want)
	}
	frames := [][]byte{in(0, 1), in(1, 2), in(0, 3)}
	for _, p := range ports {
		p.log = nil
	}
	if n := testing.AllocsPerRun(100, func() { m.ReceiveBatch(frames, &b) }); n != 0 {
		t.Errorf("%v allocations a batch", n)
	}
}

// Datagrams of one flow become one frame, where the far side takes it.
func TestBatchMerges(t *testing.T) {
	for features, want := range map[vnet.Features]string{vnet.FeaturesAll: "[b3]", vnet.FeatureCsum: "[b1 b2 b3]"} {
		_, dev, _, log := batchLab(t, features)
		var frames [][]byte
		for i := range 3 {
			pkt := linktest.UDP(netip.MustParseAddrPort("10.0.0.10:1000"), netip.MustParseAddrPort("10.0.0.11:2000"), []byte{7, 7, byte(i + 1)})
			binary.BigEndian.PutUint16(pkt[4:], uint16(i)) // identification, which the far side restores
			pkt[10], pkt[11] = 0, 0
			binary.BigEndian.PutUint16(pkt[10:], linktest.Checksum(pkt[:20], 0))
			frames = append(frames, linktest.Frame(masterMAC, masterMAC, 0x0800, pkt))
		}
		var b link.Batch
		dev[0].TransmitBatch(frames, &b)
		if got := fmt.Sprint(*log); got != "["+want+"]" {
			t.Errorf("features %v: %s, want %s", features, got, want)
		}
		if got := dev[1].Stats().RxPackets; got != 3 {
			t.Errorf("features %v: %d received, want 3", features, got)
		}
	}
}
