package packet

import (
	"bytes"
	"crypto/sha256"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"testing"

	"github.com/ipvl/ipvl/link/internal/fdio"
	"github.com/ipvl/ipvl/link/internal/nstest"
	"github.com/ipvl/ipvl/link/vnet"
)

// splice is two kernel stacks, joined by two ports in this process:
//
//	left (.1) v ──veth── vp, port ── Serve/WriteFrame ── port, wp ──veth── w (.2) right
//
// or, with VLAN tags, by four: the outer two as before, and a veth pair between them
// on which every frame has a tag:
//
//	left v ──veth── vp, port ── push ── port, m ──veth── mp, port ── pop ── port, wp ──veth── w right
type splice struct {
	left, right *nstest.Namespace
	ports       []*Port
	done        []<-chan error
	large       atomic.Uint64 // frames above the MTU, with segmentation left open
	wrong       atomic.Uint64 // frames above the MTU without
	refused     atomic.Uint64 // not written
}

func newSplice(t testing.TB, tagged bool) *splice {
	middle := nstest.New(t)
	s := &splice{left: nstest.New(t), right: nstest.New(t)}
	_, vp := s.left.Veth(t, "v", middle, "vp")
	_, wp := s.right.Veth(t, "w", middle, "wp")
	near, far := openAll(t, middle, vp.Index), openAll(t, middle, wp.Index)
	if !tagged {
		s.join(near, far, as(nil))
		s.join(far, near, as(nil))
		return s
	}
	left, right := middle.Veth(t, "m", middle, "mp")
	m, mp := openAll(t, middle, left.Index), openAll(t, middle, right.Index)
	s.join(near, m, as(push))
	s.join(m, near, as(pop))
	s.join(far, mp, as(push))
	s.join(mp, far, as(pop))
	return s
}

// join writes to one port what another reads, changed by f.
func (s *splice) join(from, to *Port, f func([]byte) []byte) {
	s.ports = append(s.ports, from)
	s.done = append(s.done, serve(from, func(b []byte) {
		s.look(b)
		if b = f(b); b == nil {
			return // of the middle's own
		}
		if err := to.WriteFrame(b); err != nil && err != ErrClosed {
			s.refused.Add(1)
		}
	}))
}

// as makes f a change of frames; nil is none.
func as(f func(room, frame []byte) []byte) func([]byte) []byte {
	if f == nil {
		return func(b []byte) []byte { return b }
	}
	room := make([]byte, fdio.FrameMax+tagLen)
	return func(b []byte) []byte { return f(room, b) }
}

// push puts a tag in, pop takes it out. Without it the frame is lost, and TCP
// does not connect.
func push(room, b []byte) []byte {
	return restoreTag(room[:tagLen+copy(room[tagLen:], b)], typeVLAN, 5)
}

func pop(_, b []byte) []byte {
	const at = vnet.HeaderLen + 12
	if !bytes.Equal(b[at:at+tagLen], []byte{0x81, 0, 0, 5}) {
		return nil
	}
	var h vnet.Header
	h.Decode(b)
	if h.Flags&vnet.FlagNeedsCsum != 0 {
		h.CsumStart -= tagLen
	}
	copy(b[tagLen:], b[:at])
	h.HdrLen = 0 // a hint that is not needed
	h.Encode(b[tagLen:])
	return b[tagLen:]
}

// look counts the frames that are longer than the MTU.
func (s *splice) look(b []byte) {
	eth := b[vnet.HeaderLen:]
	var h vnet.Header
	switch {
	case len(eth) <= 1518 || h.Decode(b) != nil:
	case h.GSOType == vnet.GSONone || h.Flags&vnet.FlagNeedsCsum == 0:
		s.wrong.Add(1)
	default:
		s.large.Add(1)
	}
}

// address gives both sides an address.
func (s *splice) address(t testing.TB, left, right string) {
	s.left.AddAddr(t, "v", left)
	s.right.AddAddr(t, "w", right)
}

// close ends every Serve.
func (s *splice) close(t testing.TB) {
	for i, p := range s.ports {
		p.Close()
		if err := <-s.done[i]; err != nil {
			t.Errorf("Serve %d: %v", i, err)
		}
	}
}

func TestTCPThroughSplice(t *testing.T) {
	data := make([]byte, 16<<20)
	rand.NewChaCha8([32]byte{}).Read(data)
	for _, c := range []struct {
		name        string
		tagged      bool
		left, right string
	}{
		{"IPv4", false, "10.9.0.1/24", "10.9.0.2/24"},
		{"IPv6", false, "2001:db8::1/64", "2001:db8::2/64"},
		{"IPv4 in a VLAN", true, "10.9.0.1/24", "10.9.0.2/24"},
		{"IPv6 in a VLAN", true, "2001:db8::1/64", "2001:db8::2/64"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSplice(t, c.tagged)
			s.address(t, c.left, c.right)
			sum := sha256.New()
			host, _, _ := net.ParseCIDR(c.right)
			s.left.Transfer(t, s.right, host.String(), bytes.NewReader(data), sum)
			s.close(t)
			if want := sha256.Sum256(data); !bytes.Equal(sum.Sum(nil), want[:]) {
				t.Error("what arrived is not what was sent")
			}
			if s.large.Load() < 100 || s.wrong.Load() != 0 || s.refused.Load() != 0 {
				t.Errorf("%d frames above the MTU, %d without open segmentation, %d refused; want 100 or more, 0, 0",
					s.large.Load(), s.wrong.Load(), s.refused.Load())
			}
			t.Logf("%d frames above the MTU; %+v", s.large.Load(), s.ports[0].Stats())
		})
	}
}

func BenchmarkTCP(b *testing.B) {
	s := newSplice(b, false)
	s.address(b, "10.9.0.1/24", "10.9.0.2/24")
	s.left.BenchmarkTransfer(b, s.right, "10.9.0.2")
	s.close(b)
}
