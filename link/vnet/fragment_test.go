package vnet

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"testing"
)

// fragments runs Fragment4 and returns copies of what was emitted.
func fragments(frame []byte, mtu int, s *Segmenter) (out [][]byte, err error) {
	err = Fragment4(frame, mtu, s, func(f []byte) error {
		out = append(out, bytes.Clone(f))
		for i := range f {
			f[i] = 0xff
		}
		return nil
	})
	return out, err
}

// reassemble puts fragments in order of emission back together, and checks
// each one. It returns the payload, the first offset and the last MF bit.
func reassemble(out [][]byte, mtu int) (data []byte, first int, mf bool, err error) {
	for i, f := range out {
		if !bytes.Equal(f[:HeaderLen], make([]byte, HeaderLen)) {
			return nil, 0, false, fmt.Errorf("fragment %d has a header % x", i, f[:HeaderLen])
		}
		n := 22
		for f[n] == 0x81 || f[n] == 0x88 {
			n += 4
		}
		ip := f[n+2:]
		size := int(ip[0]&15) * 4
		if len(ip) > mtu || len(ip) != int(binary.BigEndian.Uint16(ip[2:])) || slowSum(ip[:size]) != 0xffff {
			return nil, 0, false, fmt.Errorf("fragment %d: length %d, MTU %d, header % x", i, len(ip), mtu, ip[:size])
		}
		field := binary.BigEndian.Uint16(ip[6:])
		off := int(field&0x1fff) * 8
		if i == 0 {
			first = off
		} else if off != first+len(data) || !mf {
			return nil, 0, false, fmt.Errorf("fragment %d: offset %d, want %d, MF before %v", i, off, first+len(data), mf)
		}
		mf = field&0x2000 != 0
		data = append(data, ip[size:]...)
	}
	return data, first, mf, nil
}

func TestFragmentsReassemble(t *testing.T) {
	r := random(t)
	var s Segmenter
	for range 1500 {
		sp := randomSpec(r, 5000)
		sp.v6, sp.final = false, nil
		sp.opts = make([]byte, 4*r.IntN(11))
		sp.frag = uint16(r.IntN(2)<<13 + r.IntN(100))
		frame := sp.frame()
		mtu := 20 + len(sp.opts) + 8 + r.IntN(1500)
		l3 := frame[HeaderLen+sp.l3():]
		want := bytes.Clone(l3[20+len(sp.opts):])
		small := len(l3) <= mtu
		out, err := fragments(append(bytes.Clone(frame), "padding"...), mtu, &s)
		if err != nil {
			t.Fatalf("%+v: %v", sp, err)
		}
		if small {
			if len(out) != 1 || !bytes.Equal(out[0], append(frame, "padding"...)) {
				t.Fatalf("%+v: a small packet was changed", sp)
			}
			continue
		}
		got, first, mf, err := reassemble(out, mtu)
		if err != nil {
			t.Fatalf("%+v, MTU %d: %v", sp, mtu, err)
		}
		if !bytes.Equal(got, want) || first != int(sp.frag&0x1fff)*8 || mf != (sp.frag&0x2000 != 0) {
			t.Fatalf("%+v, MTU %d: %d of %d bytes from %d, MF %v", sp, mtu, len(got), len(want), first, mf)
		}
		for i, f := range out {
			if !bytes.Equal(f[10:10+sp.l3()], frame[10:10+sp.l3()]) || binary.BigEndian.Uint16(f[HeaderLen+sp.l3()+4:]) != sp.id {
				t.Fatalf("fragment %d: link header or id differ", i)
			}
		}
	}
}

func TestFragmentOptions(t *testing.T) {
	rr := "\x07\x07\x04\x00\x00\x00\x00"   // record route: not copied
	lsrr := "\x83\x07\x04\x0a\x00\x00\x09" // loose source route: copied
	for _, test := range []struct{ name, opts, later string }{
		{"none", "", ""},
		{"not copied", rr + "\x00", ""},
		{"copied", lsrr + "\x00", lsrr + "\x00"},
		{"both", rr + "\x01" + lsrr + "\x00", lsrr + "\x00"},
		{"behind the end", "\x00\x83\x07\x04\x0a\x00\x00\x09", ""},
		{"router alert and stream id", "\x94\x04\x00\x00\x88\x04\x00\x07", "\x94\x04\x00\x00\x88\x04\x00\x07"},
		{"padded", "\x01\x83\x06\x04\x0a\x00\x00\x00", "\x83\x06\x04\x0a\x00\x00\x00\x00"},
	} {
		t.Run(test.name, func(t *testing.T) {
			frame := spec{udp: true, opts: []byte(test.opts), payload: make([]byte, 200)}.frame()
			out, err := fragments(frame, 100, new(Segmenter))
			if err != nil || len(out) < 3 {
				t.Fatalf("%d fragments, %v", len(out), err)
			}
			for i, f := range out {
				ip := f[HeaderLen+14:]
				want := test.later
				if i == 0 {
					want = test.opts
				}
				if got := string(ip[20 : int(ip[0]&15)*4]); got != want {
					t.Errorf("fragment %d: % x, want % x", i, got, want)
				}
			}
		})
	}
}

func TestFragmentRefuses(t *testing.T) {
	big := spec{udp: true, payload: make([]byte, 2000)}
	df, v6, opts, short, off, open := big, big, big, big, big, big
	df.frag, v6.v6, off.frag = 0x4000, true, 0x1fff
	opts.opts = []byte{7, 9, 4, 0}
	short.opts = []byte{1, 1, 1, 7}
	open.partial = true
	gso := big
	gso.gso = 1000
	for _, test := range []struct {
		name string
		spec spec
		mtu  int
		want Reason
	}{
		{"DF", df, 1500, ErrNeedFrag},
		{"IPv6", v6, 1500, ErrNotIPv4},
		{"tiny MTU", big, 27, ErrMTU},
		{"option too long", opts, 1500, ErrHeaders},
		{"option without a length", short, 1500, ErrHeaders},
		{"behind 64 KiB", off, 1500, ErrHeaders},
		{"partial checksum", open, 1500, ErrUnfinished},
		{"segmentation", gso, 1500, ErrUnfinished},
	} {
		if out, err := fragments(test.spec.frame(), test.mtu, new(Segmenter)); !errors.Is(err, test.want) || out != nil {
			t.Errorf("%s: %v, %d fragments, want %v", test.name, err, len(out), test.want)
		}
	}
	if _, err := fragments(make([]byte, 23), 1500, new(Segmenter)); !errors.Is(err, ErrTruncated) {
		t.Errorf("23 bytes: %v", err)
	}
	if _, err := fragments(big.frame()[:300], 1500, new(Segmenter)); !errors.Is(err, ErrTruncated) {
		t.Errorf("cut: %v", err)
	}
	if _, err := fragments(df.frame(), 2028, new(Segmenter)); err != nil {
		t.Errorf("DF and small enough: %v", err)
	}
}

func TestFragmentStopsAtFirstError(t *testing.T) {
	full := errors.New("queue full")
	calls := 0
	err := Fragment4(spec{payload: make([]byte, 900)}.frame(), 100, new(Segmenter), func([]byte) error {
		calls++
		return full
	})
	if calls != 1 || !errors.Is(err, full) {
		t.Errorf("%d calls, %v", calls, err)
	}
}
