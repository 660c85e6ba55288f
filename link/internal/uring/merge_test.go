package uring

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/ipvl/ipvl/link/vnet"
	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/tcpip/checksum"
)

// flow builds frames that vnet.Merger merges.
type flow struct {
	v6, udp bool
	number  int // of the next frame
	size    int // of a payload
}

// next returns the next frame, finished, with the payload the number says.
func (f *flow) next() []byte {
	l4 := 34
	if f.v6 {
		l4 = 54
	}
	hdr, proto, csum := 32, byte(6), 16
	if f.udp {
		hdr, proto, csum = 8, 17, 6
	}
	b := make([]byte, hdrLen+l4+hdr+f.size)
	eth := b[hdrLen:]
	copy(eth, []byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0})
	be := binary.BigEndian
	var addrs []byte
	if f.v6 {
		copy(eth[12:], []byte{0x86, 0xdd, 0x60, 0, 0, 7})
		be.PutUint16(eth[18:], uint16(hdr+f.size))
		eth[20], eth[21], eth[22], eth[37], eth[38], eth[53] = proto, 64, 0xfd, 1, 0xfd, 2
		addrs = eth[22:54]
	} else {
		eth[14], eth[20], eth[22], eth[23] = 0x45, 0x40, 64, proto
		be.PutUint16(eth[16:], uint16(20+hdr+f.size))
		be.PutUint16(eth[18:], uint16(f.number))
		copy(eth[26:], []byte{10, 0, 0, 1, 10, 0, 0, 2})
		be.PutUint16(eth[24:], ^checksum.Checksum(eth[14:34], 0))
		addrs = eth[26:34]
	}
	t := eth[l4:]
	be.PutUint16(t, 4000)
	be.PutUint16(t[2:], 5000)
	if f.udp {
		be.PutUint16(t[4:], uint16(len(t)))
	} else {
		be.PutUint32(t[4:], uint32(f.number*f.size))
		copy(t[8:], []byte{1, 2, 3, 4, 8 << 4, 0x10, 1, 0, 0, 0, 0, 0, 1, 1, 8, 10, 0, 1, 2, 3, 4, 5, 6, 7})
	}
	copy(t[hdr:], fmt.Sprint("payload ", f.number))
	sum := checksum.Checksum(addrs, uint16(proto))
	be.PutUint16(t[csum:], ^checksum.Checksum(t, checksum.Combine(sum, uint16(len(t)))))
	f.number++
	return b
}

// TestMerged writes merged frames by a ring. The kernel, whose interface has no offloads,
// cuts them into the frames that they were.
func TestMerged(t *testing.T) {
	e := newEnds(t, 0, false)
	r := newTestRing(t, 64)
	var m vnet.Merger
	for _, f := range []flow{{udp: true, size: 22}, {v6: true, udp: true, size: 22}, {size: 22}, {v6: true, size: 1000}, {udp: true, size: 1400, number: 0xfff0}, {size: 1400, number: 0xfff0}} {
		var frames [][]byte
		for range 32 {
			frames = append(frames, f.next())
		}
		merged := m.Merge(frames, vnet.FeaturesAll)
		if len(merged) != 1 {
			t.Fatalf("%+v: %d frames", f, len(merged))
		}
		r.Write(e.in, merged[0], 0)
		if c := enter(t, r, 1); c[0].N != len(merged[0]) {
			t.Fatalf("%+v: the merged frame is refused: %+v", f, c)
		}
		for i, want := range frames {
			got := make([]byte, 2048)
			r.Read(e.near, got, 0)
			if c := enter(t, r, 1); !bytes.Equal(got[hdrLen:c[0].N], want[hdrLen:]) {
				t.Fatalf("%+v: frame %d, %+v\n% x\nwant\n% x", f, i, c, got[:c[0].N], want)
			}
		}
		r.Read(e.near, make([]byte, 2048), 0)
		if c := enter(t, r, 1); c[0].Errno != unix.EAGAIN {
			t.Errorf("%+v: one more frame, %+v", f, c)
		}
	}
}
