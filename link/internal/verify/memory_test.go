package verify

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"testing"

	"github.com/ipvl/ipvl/link"
	"github.com/ipvl/ipvl/link/linktest"
	"github.com/ipvl/ipvl/link/vnet"
)

var (
	masterMAC = linktest.MAC{2, 0xaa, 0xbb, 0xcc, 0xdd, 1}
	peerMAC   = linktest.MAC{2, 0x11, 0x22, 0x33, 0x44, 0x55}

	siblings = way{masterMAC, masterMAC, "10.0.0.11", "10.0.0.12", "fd00::11", "fd00::12"}
	outward  = way{peerMAC, masterMAC, "10.0.0.11", "10.0.0.100", "fd00::11", "fd00::100"}
	inward   = way{masterMAC, peerMAC, "10.0.0.100", "10.0.0.12", "fd00::100", "fd00::12"}
)

// memory is a far side with features, which keeps what it is given.
type memory struct {
	features vnet.Features

	mu     sync.Mutex
	frames [][]byte // +checklocks:mu
	calls  int      // +checklocks:mu
	wrong  error    // +checklocks:mu
	full   int      // of how many frames one is refused; 0: none  +checklocks:mu
	lost   int      // +checklocks:mu
}

var errFull = errors.New("full")

func (m *memory) Features() vnet.Features { return m.features }

func (m *memory) WriteFrame(frame []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls++
	return m.write(frame)
}

// +checklocks:m.mu
func (m *memory) write(frame []byte) error {
	if m.wrong == nil {
		m.wrong = allowed(frame, m.features)
	}
	if m.full > 0 && (len(m.frames)+m.lost)%m.full == m.full-1 {
		m.lost++
		return errFull
	}
	m.frames = append(m.frames, bytes.Clone(frame))
	return nil
}

func (m *memory) WriteVec(pieces [][]byte) error { return m.WriteFrame(slices.Concat(pieces...)) }

// batching is a memory that takes batches.
type batching struct{ *memory }

func (b batching) WriteFrames(frames [][]byte) (lost int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls++
	for _, f := range frames {
		if b.write(f) != nil {
			lost++
		}
	}
	return lost
}

// take returns what came, finished.
func (m *memory) take(t testing.TB, names map[uint16]string) *flows {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.wrong != nil {
		t.Error(m.wrong)
	}
	got := newFlows()
	got.names = names
	for _, f := range m.frames {
		if err := got.add(f); err != nil {
			t.Error(err)
		}
	}
	return got
}

// allowed finds work left open that a far side with features does not do.
func allowed(frame []byte, have vnet.Features) error {
	w, _, err := split(frame)
	if err != nil {
		return err
	}
	need := vnet.Features(0)
	if w.flags&needsCsum != 0 {
		need |= vnet.FeatureCsum
	}
	if w.gso&gsoECN != 0 {
		need |= vnet.FeatureTSOECN
	}
	need |= map[uint8]vnet.Features{gsoTCP4: vnet.FeatureTSO4, gsoTCP6: vnet.FeatureTSO6, gsoUDP: vnet.FeatureUSO}[w.gso&^gsoECN]
	if need&^have != 0 {
		return fmt.Errorf("%+v for a far side that takes %#x", w, have)
	}
	return nil
}

// lab is a master with two devices, all with ports of its making.
type lab struct {
	master *link.Master
	dev    [2]*link.Device
}

// far are the ports of a lab: of devices 0 and 1, of the uplink.
func newLab(t testing.TB, far [3]link.Port, o link.MasterOptions) *lab {
	t.Helper()
	o.MAC = masterMAC
	m, err := link.NewMasterOnPort(far[2], o)
	if err != nil {
		t.Fatal(err)
	}
	return newLabOn(t, m, far[:2])
}

func newLabOn(t testing.TB, m *link.Master, far []link.Port) *lab {
	t.Helper()
	t.Cleanup(m.Shutdown)
	l := &lab{master: m}
	for i, addrs := range [][]string{{siblings.src4, siblings.src6}, {siblings.dst4, siblings.dst6}} {
		d, err := m.NewDevice(link.DeviceOptions{Port: far[i]})
		if err != nil {
			t.Fatal(err)
		}
		d.SetUp(true)
		for _, a := range addrs {
			if err := d.AddAddress(netip.MustParseAddr(a)); err != nil {
				t.Fatal(err)
			}
		}
		l.dev[i] = d
	}
	return l
}

// featureSets are what far sides take.
var featureSets = []struct {
	name string
	have vnet.Features
}{
	{"all", vnet.FeaturesAll},
	{"none", 0},
	{"csum", vnet.FeatureCsum},
	{"no USO", vnet.FeaturesAll &^ vnet.FeatureUSO},
	{"TSO4", vnet.FeatureCsum | vnet.FeatureTSO4},
	{"USO", vnet.FeatureCsum | vnet.FeatureUSO},
}

// hops are the ways between ports: which way, and which port it ends at.
var hops = []struct {
	name string
	w    way
	end  int
	tags int
}{{"device to device", siblings, 1, 1}, {"device to wire", outward, 2, 2}, {"wire to device", inward, 1, 1}}

// carry gives a round to where way i starts, 3 being the link of the host; b is nil for one by one.
func (l *lab) carry(i int, round [][]byte, b *link.Batch) {
	switch {
	case i == 3:
		for _, f := range round {
			l.master.FromHost(f)
		}
	case i == 2 && b != nil:
		l.master.ReceiveBatch(round, b)
	case b != nil:
		l.dev[0].TransmitBatch(round, b)
	case i == 2:
		for _, f := range round {
			l.master.Receive(f)
		}
	default:
		for _, f := range round {
			l.dev[0].Transmit(f)
		}
	}
}

// cloned is a copy of a round, which whoever takes it may change.
func cloned(round [][]byte) (out [][]byte) {
	for _, f := range round {
		out = append(out, bytes.Clone(f))
	}
	return out
}

func random(t testing.TB) *rand.Rand {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// TestMemory goes every way between ports, with every set of features, with batches and without.
func TestMemory(t *testing.T) {
	for i, h := range hops {
		t.Run(h.name, func(t *testing.T) {
			all := h.w.make(random(t), table(h.tags))
			want := expect(all)
			for _, fs := range featureSets {
				for _, batches := range []bool{false, true} {
					t.Run(fmt.Sprintf("%s, batches %v", fs.name, batches), func(t *testing.T) {
						t.Parallel()
						testMemory(t, i, fs.have, batches, all, want)
					})
				}
			}
		})
	}
}

func testMemory(t *testing.T, i int, have vnet.Features, batches bool, all []flow, want *flows) {
	var far [3]link.Port
	for j := range far {
		far[j] = &memory{features: have}
		if batches {
			far[j] = batching{&memory{features: have}}
		}
	}
	l := newLab(t, far, link.MasterOptions{Mode: link.ModeL2})
	end := memoryOf(far[hops[i].end])
	var b *link.Batch
	if batches {
		b = new(link.Batch)
	}
	sent := 0
	for _, round := range rounds(all, batches) {
		sent += len(round)
		l.carry(i, cloned(round), b)
	}
	compare(t, want, end.take(t, want.names))
	for j, p := range far {
		if n := memoryOf(p).take(t, nil).count; j != hops[i].end && n > 0 {
			t.Errorf("%d frames went astray to port %d", n, j)
		}
	}
	end.mu.Lock()
	defer end.mu.Unlock()
	if have == vnet.FeaturesAll && batches && len(end.frames) > sent*9/10 {
		t.Errorf("%d of %d frames: nothing was merged", len(end.frames), sent)
	}
}

func memoryOf(p link.Port) *memory {
	if b, ok := p.(batching); ok {
		return b.memory
	}
	return p.(*memory)
}
