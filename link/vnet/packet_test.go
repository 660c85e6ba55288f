package vnet

import (
	"bytes"
	"testing"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

// join puts pieces together.
func join(pieces [][]byte) []byte { return bytes.Join(pieces, nil) }

// roundTrip passes a frame through a PacketBuffer and back, both ways out.
func roundTrip(t testing.TB, frame []byte) []byte {
	t.Helper()
	pkt, err := ToPacket(frame, PacketOptions{})
	if err != nil {
		t.Fatalf("ToPacket: %v", err)
	}
	defer pkt.DecRef()
	var v Vec
	got := join(FromPacket(pkt, &v, false))
	if flat := PacketToBytes(pkt, nil, false); !bytes.Equal(flat, got) {
		t.Fatalf("PacketToBytes % x\nFromPacket % x", flat, got)
	}
	return got
}

func TestPacketRoundTripKeepsFrame(t *testing.T) {
	r := random(t)
	for i := range 2000 {
		s := randomSpec(r, 3000)
		if i%50 == 0 {
			s.payload = bytesOf(r, 65535-40-len(s.opts)-len(s.tcpOpts))
		}
		s.partial = r.IntN(3) != 0
		if s.partial && r.IntN(2) == 0 && len(s.payload) > 1 {
			s.gso = uint16(1 + r.IntN(min(len(s.payload)-1, 0xfffe)))
			s.ecn = !s.udp && s.flags&0x80 != 0
		}
		frame := s.frame()
		if !s.partial && r.IntN(2) == 0 {
			frame[0] = FlagDataValid
		}
		if got := roundTrip(t, bytes.Clone(frame)); !bytes.Equal(got, frame) {
			var h Header
			_ = h.Decode(got)
			t.Fatalf("%+v: header %v, want %v; same bytes: %v", s, h, s.header(), bytes.Equal(got[10:], frame[10:]))
		}
	}
}

func TestPacketRoundTripKeepsAnyChecksum(t *testing.T) {
	// A checksum inside a tunnel, and one in a protocol that nobody knows.
	for _, v6 := range []bool{false, true} {
		frame := spec{v6: v6, udp: true, payload: make([]byte, 100)}.frame()
		h := Header{Flags: FlagNeedsCsum, CsumStart: 70, CsumOffset: 2}
		h.Encode(frame)
		if got := roundTrip(t, bytes.Clone(frame)); !bytes.Equal(got, frame) {
			t.Errorf("header % x, want % x", got[:10], frame[:10])
		}
	}
}

func TestToPacketIsWhatNetstackExpects(t *testing.T) {
	for _, test := range []struct {
		name    string
		spec    spec
		flags   uint8
		proto   uint16
		valid   bool
		gso     stack.GSO
		padding int
	}{
		{"finished", spec{}, 0, 0x0800, false, stack.GSO{}, 0},
		{"valid", spec{v6: true}, FlagDataValid, 0x86dd, true, stack.GSO{}, 0},
		{"partial", spec{partial: true}, FlagNeedsCsum, 0x0800, true,
			stack.GSO{Type: stack.GSOTCPv4, NeedsCsum: true, CsumOffset: 16, MSS: 65535, L3HdrLen: 20}, 0},
		{"partial UDP over IPv6", spec{partial: true, udp: true, v6: true}, FlagNeedsCsum, 0x86dd, true,
			stack.GSO{Type: stack.GSOTCPv6, NeedsCsum: true, CsumOffset: 6, MSS: 65535, L3HdrLen: 40}, 0},
		{"tcp6", spec{partial: true, v6: true, gso: 7, payload: make([]byte, 9)}, FlagNeedsCsum, 0x86dd, true,
			stack.GSO{Type: stack.GSOTCPv6, NeedsCsum: true, CsumOffset: 16, MSS: 7, L3HdrLen: 40}, 0},
		{"uso", spec{partial: true, udp: true, gso: 7, payload: make([]byte, 9)}, FlagNeedsCsum, 0x0800, true,
			stack.GSO{NeedsCsum: true, CsumOffset: 6, MSS: 7, L3HdrLen: 20}, 0},
		{"tagged", spec{vlans: 1}, 0, 0x8100, false, stack.GSO{}, 0},
		{"large", spec{payload: make([]byte, 65495)}, 0, 0x0800, false, stack.GSO{}, 0},
		{"larger than the pools' views", spec{payload: make([]byte, 65495)}, 0, 0x0800, false, stack.GSO{}, 5000},
	} {
		frame := append(test.spec.frame(), make([]byte, test.padding)...)
		frame[0] = test.flags
		pkt, err := ToPacket(frame, PacketOptions{})
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		if got := pkt.LinkHeader().Slice(); !bytes.Equal(got, frame[10:24]) {
			t.Errorf("%s: link header % x", test.name, got)
		}
		if got := pkt.Data().AsRange().ToSlice(); !bytes.Equal(got, frame[24:]) {
			t.Errorf("%s: data differ", test.name)
		}
		if uint16(pkt.NetworkProtocolNumber) != test.proto || pkt.RXChecksumValidated != test.valid {
			t.Errorf("%s: protocol %#x, validated %v", test.name, pkt.NetworkProtocolNumber, pkt.RXChecksumValidated)
		}
		if pkt.GSOOptions != test.gso {
			t.Errorf("%s: %+v, want %+v", test.name, pkt.GSOOptions, test.gso)
		}
		pkt.DecRef()
	}
	if pkt, err := ToPacket(make([]byte, 23), PacketOptions{}); err != ErrTruncated || pkt != nil {
		t.Errorf("23 bytes: %v", err)
	}
}

func TestToPacketCompletesChecksum(t *testing.T) {
	for _, s := range []spec{
		{partial: true, payload: make([]byte, 5000)},
		{partial: true, payload: make([]byte, 5000), gso: 1000, v6: true},
	} {
		frame := s.frame()
		pkt, err := ToPacket(frame, PacketOptions{CompleteCsum: true})
		if err != nil {
			t.Fatal(err)
		}
		got := PacketToBytes(pkt, nil, false)
		pkt.DecRef()
		if !bytes.Equal(got, frame) {
			t.Error("the packet's metadata differ from the frame's")
		}
		want := Header{Flags: FlagDataValid, GSOType: s.gsoType(), GSOSize: s.gso, HdrLen: s.header().HdrLen}
		if h, err := Validate(got); h != want || err != nil {
			t.Errorf("header %+v, want %+v, %v", h, want, err)
		}
		clear(got[:HeaderLen])
		if _, err := verify(got, false); err != nil {
			t.Error(err)
		}
	}
	bad := spec{partial: true}.frame()
	bad[HeaderLen+14] = 0x55
	if pkt, err := ToPacket(bad, PacketOptions{CompleteCsum: true}); err != ErrHeaders || pkt != nil {
		t.Errorf("got %v, want %v", err, ErrHeaders)
	}
}

// scattered builds a packet as a netstack writes it: headers pushed, payload
// in views of n bytes.
func scattered(s spec, n int) *stack.PacketBuffer {
	eth := s.frame()[HeaderLen:]
	hdr := s.l4() + len(s.transport())
	var b buffer.Buffer
	for p := eth[hdr:]; len(p) > 0; p = p[min(n, len(p)):] {
		v := buffer.MakeWithView(buffer.NewViewWithData(p[:min(n, len(p))]))
		b.Merge(&v)
	}
	pkt := stack.NewPacketBuffer(stack.PacketBufferOptions{ReserveHeaderBytes: hdr + 33, Payload: b})
	copy(pkt.TransportHeader().Push(hdr-s.l4()), eth[s.l4():])
	copy(pkt.NetworkHeader().Push(s.l4()-14), eth[14:])
	copy(pkt.LinkHeader().Push(14), eth)
	return pkt
}

// contents copies all bytes of a packet by gVisor's own means.
func contents(pkt *stack.PacketBuffer) []byte {
	v := pkt.ToView()
	defer v.Release()
	return v.ToSlice()
}

// hostGSO is what gVisor's TCP sets with HostGSO: L3HdrLen without options.
func hostGSO(s spec, mss uint16) stack.GSO {
	g := stack.GSO{Type: stack.GSOTCPv4, NeedsCsum: true, CsumOffset: 16, MSS: mss, L3HdrLen: 20, MaxSize: 1 << 16}
	if s.v6 {
		g.Type, g.L3HdrLen = stack.GSOTCPv6, 40
	}
	return g
}

func TestFromPacketOfNetstackGSO(t *testing.T) {
	r := random(t)
	for range 500 {
		s := randomSpec(r, 20000)
		s.udp, s.vlans, s.partial, s.final = false, 0, true, nil
		s.flags &= 0x7f
		if s.v6 && s.opts != nil {
			s.first, s.opts = 60, dstOpts(6)
		}
		mss := uint16(1 + r.IntN(3000))
		if r.IntN(4) == 0 {
			s.payload = bytesOf(r, int(mss)) // one segment, full
		}
		if len(s.payload) > int(mss) {
			s.gso = mss
		}
		pkt := scattered(s, 1+r.IntN(4000))
		pkt.GSOOptions = hostGSO(s, mss)
		var v Vec
		got := join(FromPacket(pkt, &v, r.IntN(2) == 0))
		pkt.DecRef()
		if !bytes.Equal(got, s.frame()) {
			var h Header
			_ = h.Decode(got)
			t.Fatalf("%+v: header %v, want %v", s, h, s.header())
		}
	}
}

func TestFromPacketNeverWritesToSharedViews(t *testing.T) {
	for _, n := range []int{0, 100, 5000} {
		s := spec{udp: true, payload: make([]byte, n)}
		pkt := scattered(s, 1000)
		clone := pkt.Clone()
		before := contents(pkt)
		var v Vec
		pieces := FromPacket(clone, &v, true)
		for i := range pieces[0] {
			pieces[0][i] = 0xff // the one piece that is the caller's to write to
		}
		if !bytes.Equal(contents(pkt), before) {
			t.Errorf("%d bytes: the packet was changed", n)
		}
		clone.DecRef()
		pkt.DecRef()
	}
}

func TestFromPacketBoundsPieces(t *testing.T) {
	s := spec{payload: bytesOf(random(t), 60000)}
	var v Vec
	for _, n := range []int{1, 10, 900, 950, 1000, 30000, 60000} {
		pkt := scattered(s, n)
		pieces := FromPacket(pkt, &v, false)
		if len(pieces) > maxPieces {
			t.Errorf("views of %d bytes: %d pieces", n, len(pieces))
		}
		if !bytes.Equal(join(pieces), s.frame()) {
			t.Errorf("views of %d bytes: frame differs", n)
		}
		if len(pieces[0]) != HeaderLen || len(pieces[0])+len(pieces[1]) < HeaderLen+54 {
			t.Errorf("views of %d bytes: first pieces of %d and %d bytes", n, len(pieces[0]), len(pieces[1]))
		}
		pkt.DecRef()
	}
}

func TestFromPacketMakesOnePieceOfASmallPacket(t *testing.T) {
	for n, want := range map[int]int{0: 1, 256 - 54: 1, 257 - 54: 3} {
		pkt := scattered(spec{payload: make([]byte, n)}, 1000)
		var v Vec
		if got := FromPacket(pkt, &v, false); len(got) != want {
			t.Errorf("%d bytes in %d pieces, want %d", pkt.Size(), len(got), want)
		}
		pkt.DecRef()
	}
}

func TestFromPacketWithLongHeaders(t *testing.T) {
	var v Vec // shared, to see that it is as good as new
	for i := range 3 {
		long := append([]byte{6, 40, 1, 4}, make([]byte, 8*41-4)...)
		s := spec{v6: true, partial: true, gso: 500, payload: make([]byte, 5000), first: 60, opts: long}
		if i == 1 {
			s.opts = nil
		}
		frame := s.frame()
		pkt, err := ToPacket(frame, PacketOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if got := join(FromPacket(pkt, &v, false)); !bytes.Equal(got, frame) {
			t.Errorf("%d: header % x, want % x, %d bytes, want %d", i, got[:10], frame[:10], len(got), len(frame))
		}
		pkt.DecRef()
	}
}

func TestFromPacketCompletesWhatTheStackLeft(t *testing.T) {
	r := random(t)
	for range 1000 {
		s := randomSpec(r, 3000)
		s.vlans, s.final = 0, nil
		if s.v6 {
			s.opts = nil
		}
		pkt := scattered(s, 1+r.IntN(4000))
		pkt.GSOOptions = stack.GSO{Type: []stack.GSOType{stack.GSONone, stack.GSOGvisor}[r.IntN(2)], MSS: uint16(r.IntN(2))}
		// gVisor leaves 0 there, see TestNetstackTXChecksumOffload; any value will do.
		copy(pkt.TransportHeader().Slice()[s.csumOffset():], bytesOf(r, 2))
		var v Vec
		got := join(FromPacket(pkt, &v, true))
		flat := PacketToBytes(pkt, make([]byte, 0, 5000), true)
		pkt.DecRef()
		s.partial = true
		if want := s.frame(); !bytes.Equal(got, want) || !bytes.Equal(flat, want) {
			t.Fatalf("%+v:\n% x\n% x, want\n% x", s, got[:60], flat[:60], want[:60])
		}
	}
}

func TestFromPacketLeavesFragmentsAlone(t *testing.T) {
	s := spec{udp: true, frag: 0x2000, payload: make([]byte, 1000)}
	pkt := scattered(s, 1000)
	defer pkt.DecRef()
	var v Vec
	if got := join(FromPacket(pkt, &v, true)); !bytes.Equal(got, s.frame()) {
		t.Errorf("header % x", got[:10])
	}
}
