package packet

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/ipvl/ipvl/link/vnet"
)

// TestTagRestored sends frames with a tag in them: the kernel takes the tag off
// on the way in.
func TestTagRestored(t *testing.T) {
	_, near, far := pair(t)
	got := make(chan []byte, 1)
	serve(far, collect(got))
	for _, tags := range [][]uint16{{0x8100}, {0x88a8}, {0x88a8, 0x8100}, {0x8100, 0x8100}} {
		want := plain(ethernet(true, tags, 0x88b5, bytes.Repeat([]byte("payload "), 8)))
		if err := near.WriteFrame(want); err != nil {
			t.Fatalf("%x: %v", tags, err)
		}
		if b := <-got; !bytes.Equal(b[vnet.HeaderLen:], want[vnet.HeaderLen:]) {
			t.Errorf("%x: got %x", tags, b[vnet.HeaderLen:])
		}
	}
}

func TestRestoreTag(t *testing.T) {
	for _, c := range []struct {
		name          string
		h, want       vnet.Header
		frame, frame2 string
	}{
		{"finished", vnet.Header{}, vnet.Header{}, "0102030405060708090a0b0c0800ff", "0102030405060708090a0b0c810000070800ff"},
		{"partial checksum", vnet.Header{Flags: vnet.FlagNeedsCsum, CsumStart: 34, CsumOffset: 16},
			vnet.Header{Flags: vnet.FlagNeedsCsum, CsumStart: 38, CsumOffset: 16},
			"0102030405060708090a0b0c0800", "0102030405060708090a0b0c810000070800"},
		{"segmentation", vnet.Header{Flags: vnet.FlagNeedsCsum, GSOType: vnet.GSOTCPv4, HdrLen: 66, GSOSize: 1448, CsumStart: 34, CsumOffset: 16},
			vnet.Header{Flags: vnet.FlagNeedsCsum, GSOType: vnet.GSOTCPv4, HdrLen: 70, GSOSize: 1448, CsumStart: 38, CsumOffset: 16},
			"0102030405060708090a0b0c0800", "0102030405060708090a0b0c810000070800"},
		{"too short", vnet.Header{}, vnet.Header{}, "0102030405060708090a0b", "0102030405060708090a0b"},
	} {
		frame, _ := hex.DecodeString(c.frame)
		want, _ := hex.DecodeString(c.frame2)
		b := append(make([]byte, tagLen+vnet.HeaderLen), frame...)
		c.h.Encode(b[tagLen:])
		got := restoreTag(b, 0x8100, 7)
		var h vnet.Header
		if err := h.Decode(got); err != nil || h != c.want || !bytes.Equal(got[vnet.HeaderLen:], want) {
			t.Errorf("%s: got %+v %x, want %+v %x", c.name, h, got[vnet.HeaderLen:], c.want, want)
		}
	}
}

func FuzzRestoreTag(f *testing.F) {
	f.Add(make([]byte, 28), uint16(0x8100), uint16(7))
	f.Add([]byte{}, uint16(0x88a8), uint16(0))
	f.Add(make([]byte, 15), uint16(0), uint16(1))
	f.Fuzz(func(t *testing.T, b []byte, tpid, tci uint16) {
		in := append(make([]byte, tagLen), b...)
		got := restoreTag(in, tpid, tci)
		if n := len(got) - len(b); n != 0 && n != tagLen {
			t.Errorf("%d bytes became %d", len(b), len(got))
		}
		if len(b) >= vnet.HeaderLen+12 && !bytes.Equal(got[vnet.HeaderLen+16:], b[vnet.HeaderLen+12:]) {
			t.Error("what is behind the tag changed")
		}
	})
}
