package vnet

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"
)

// collect runs Fit and returns copies of what was emitted.
func collect(t testing.TB, frame []byte, have Features) [][]byte {
	t.Helper()
	var out [][]byte
	err := Fit(frame, have, new(Segmenter), func(f []byte) error {
		out = append(out, bytes.Clone(f))
		return nil
	})
	if err != nil {
		t.Fatalf("Fit: %v", err)
	}
	return out
}

func TestFits(t *testing.T) {
	none := spec{payload: make([]byte, 400)}
	csum := none
	csum.partial = true
	tso4 := csum
	tso4.gso = 100
	tso6, uso, ecn, open := tso4, tso4, tso4, tso4
	tso6.v6, uso.udp, ecn.ecn, open.partial = true, true, true, false
	const c = FeatureCsum
	for _, test := range []struct {
		name string
		spec spec
		have Features
		want bool
	}{
		{"finished", none, 0, true},
		{"partial", csum, 0, false},
		{"partial", csum, c, true},
		{"tso4", tso4, c | FeatureTSO6 | FeatureUSO, false},
		{"tso4", tso4, FeatureTSO4, false}, // nobody can segment without summing
		{"tso4", tso4, c | FeatureTSO4, true},
		{"tso6", tso6, c | FeatureTSO4 | FeatureUSO, false},
		{"tso6", tso6, c | FeatureTSO6, true},
		{"ecn", ecn, c | FeatureTSO4, false},
		{"ecn", ecn, c | FeatureTSO4 | FeatureTSOECN, true},
		{"uso", uso, FeaturesNetstack, false},
		{"uso", uso, c | FeatureUSO, true},
		{"tso4 without a partial checksum", open, FeaturesAll, false},
	} {
		frame := test.spec.frame()
		if got := Fits(frame, test.have); got != test.want {
			t.Errorf("%s for %v: %v, want %v", test.name, test.have, got, test.want)
		}
	}
	if Fits(make([]byte, HeaderLen-1), FeaturesAll) {
		t.Error("9 bytes fit")
	}
}

func TestFitGivesTheSameSliceIfItFits(t *testing.T) {
	frame := spec{partial: true, gso: 100, payload: make([]byte, 400)}.frame()
	before := bytes.Clone(frame)
	calls := 0
	err := Fit(frame, FeaturesAll, nil, func(f []byte) error {
		calls++
		if &f[0] != &frame[0] || !bytes.Equal(f, before) {
			t.Error("another frame")
		}
		return nil
	})
	if calls != 1 || err != nil {
		t.Errorf("%d calls, error %v", calls, err)
	}
}

func TestFitCompletesChecksumInPlace(t *testing.T) {
	r := random(t)
	for range 2000 {
		s := randomSpec(r, 2000)
		s.partial = true
		frame := s.frame()
		// Padding behind the packet, as of a short Ethernet frame, is no part
		// of the sum.
		padded := append(bytes.Clone(frame), bytesOf(r, r.IntN(20))...)
		out := collect(t, padded, FeaturesAll&^FeatureCsum)
		if len(out) != 1 || !bytes.Equal(out[0], padded) {
			t.Fatalf("%+v: not one frame in place", s)
		}
		got := out[0][:len(frame)]
		if _, err := verify(got, false); err != nil {
			t.Fatalf("%+v: %v", s, err)
		}
		s.partial = false
		if !bytes.Equal(got, s.frame()) {
			t.Fatalf("%+v: differs from a frame built with its checksum", s)
		}
	}
}

func TestFitSendsUDPZeroAsAllOnes(t *testing.T) {
	for _, v6 := range []bool{false, true} {
		s := spec{udp: true, v6: v6, partial: true, payload: []byte{0, 0}}
		// Choose the payload so that the sum over everything is all ones.
		frame := s.frame()
		binary.BigEndian.PutUint16(s.payload, ^slowSum(frame[HeaderLen+s.l4():]))
		out := collect(t, s.frame(), 0)
		if got := out[0][HeaderLen+s.l4()+6:][:2]; !bytes.Equal(got, []byte{0xff, 0xff}) {
			t.Errorf("IPv6 %v: checksum % x, want ff ff", v6, got)
		}
	}
}

func TestFitCompletesAnyProtocol(t *testing.T) {
	// A protocol of its own with a checksum in its bytes 2 and 3, as ICMP's,
	// and a header that starts 4 bytes into the payload, as in a tunnel.
	frame := spec{udp: true, payload: []byte("tunnel??some data")}.frame()
	h := Header{Flags: FlagNeedsCsum, CsumStart: 14 + 20 + 8 + 4, CsumOffset: 2}
	h.Encode(frame)
	at := HeaderLen + int(h.CsumStart)
	frame[at+2], frame[at+3] = 0, 0
	want := ^slowSum(frame[at:])
	out := collect(t, frame, 0)[0]
	if got := binary.BigEndian.Uint16(out[at+2:]); got != want {
		t.Errorf("checksum %#x, want %#x", got, want)
	}
	if _, err := Validate(out); err != nil || out[0] != 0 {
		t.Errorf("flags %d, %v", out[0], err)
	}
}

func TestFitAddsMissingPartialChecksum(t *testing.T) {
	r := random(t)
	for range 500 {
		s := randomSpec(r, 3000)
		if s.final != nil {
			continue // refused: see TestValidateRefuses
		}
		s.gso, s.payload = 500, append(s.payload, make([]byte, 501)...)
		want := s
		want.partial = true
		out := collect(t, s.frame(), FeaturesAll)
		if len(out) != 1 {
			t.Fatalf("%d frames", len(out))
		}
		// As in verify, 0 and 0xffff are the same sum; the builder's and ours
		// are both folded, never 0 here because the protocol is in it.
		if !bytes.Equal(out[0], want.frame()) {
			t.Fatalf("%+v:\n% x\nwant\n% x", s, out[0][:100], want.frame()[:100])
		}
	}
}

func TestFitTakesOneSegmentAsNone(t *testing.T) {
	s := spec{partial: true, gso: 100, payload: make([]byte, 100)}
	for _, have := range []Features{0, FeatureCsum} {
		frame := s.frame()
		out := collect(t, frame, have)
		if len(out) != 1 || !bytes.Equal(out[0], frame) {
			t.Fatalf("%v: %d frames, or not in place", have, len(out))
		}
		if _, err := verify(out[0], have == FeatureCsum); err != nil {
			t.Errorf("%v: %v", have, err)
		}
	}
}

func TestFitStopsAtFirstError(t *testing.T) {
	frame := spec{partial: true, gso: 100, payload: make([]byte, 1000)}.frame()
	full := errors.New("queue full")
	calls := 0
	err := Fit(frame, 0, new(Segmenter), func([]byte) error {
		calls++
		if calls == 3 {
			return full
		}
		return nil
	})
	if calls != 3 || !errors.Is(err, full) {
		t.Errorf("%d calls, %v", calls, err)
	}
}

func TestIntact(t *testing.T) {
	r := random(t)
	for range 3000 {
		s := randomSpec(r, 200)
		if s.final != nil {
			continue
		}
		frame := s.frame()
		if !Intact(frame) {
			t.Fatalf("%+v: not intact", s)
		}
		// Any damage to what sums cover is seen, of one bit.
		covered := HeaderLen + s.l4()
		if !s.v6 {
			covered = HeaderLen + s.l3()
		}
		at := covered + r.IntN(len(frame)-covered)
		frame[at] ^= 1 << r.IntN(8)
		if Intact(frame) && !(s.udp && at-HeaderLen-s.l4() >= 4 && at-HeaderLen-s.l4() < 8) {
			t.Fatalf("%+v: damage at %d not seen", s, at)
		}
		frame[0] = FlagDataValid
		if !Intact(frame) {
			t.Fatalf("%+v: not taken on trust", s)
		}
	}
	noSum := spec{udp: true}
	for v6, want := range map[bool]bool{false: true, true: false} {
		noSum.v6 = v6
		frame := noSum.frame()
		copy(frame[HeaderLen+noSum.l4()+6:], "\x00\x00")
		if got := Intact(frame); got != want {
			t.Errorf("UDP without a checksum, IPv6 %v: %v", v6, got)
		}
	}
	if Intact(make([]byte, 23)) {
		t.Error("23 bytes are intact")
	}
}
