package verify

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"

	"github.com/ipvl/ipvl/link/linktest"
)

// way is from whom to whom frames go: MAC and IP addresses.
type way struct {
	dst, src   linktest.MAC
	src4, dst4 string
	src6, dst6 string
}

// What is open of a frame.
const (
	whole   = iota // nothing
	partial        // its checksum
	super          // its segmentation as well
)

// What a routing header says.
const (
	unrouted = iota // there is none
	visited         // the destination is the last one
	ahead           // another follows, to which the checksum belongs (RFC 8200 section 8.1)
)

// kind describes the frames of one flow.
type kind struct {
	v6, udp bool
	tags    int
	ext     bool // IPv4 options; hop-by-hop and destination options
	routing int  // IPv6: a routing header, behind the first destination options
	open    int
	mss     int   // of super
	sizes   []int // payload of each frame
	flags   byte  // TCP, of the last frame; those before have ACK alone
	tcpOpts int   // bytes
	pad     int   // bytes behind the packet
	df      bool

	zero    bool // the checksum comes out as 0
	wrong   bool // the checksum is not right
	none    bool // there is none (UDP over IPv4)
	swapped bool // the second and the third frame change places
	gap     bool // the third is lost
}

func (k kind) short() string {
	n := len(k.sizes)
	s := fmt.Sprintf("tags %d ext %v routing %d open %d mss %d, %d frames of %v", k.tags, k.ext, k.routing, k.open, k.mss, n, k.sizes[:min(n, 5)])
	return s + fmt.Sprintf(" flags %#x zero %v wrong %v swapped %v gap %v pad %d", k.flags, k.zero, k.wrong, k.swapped, k.gap, k.pad)
}

// frames builds them. Each flow has a source port of its own.
func (k kind) frames(r *rand.Rand, w way, port uint16) (all [][]byte) {
	id, seq := uint16(r.Uint32()), r.Uint32()
	if r.IntN(2) == 0 {
		id, seq = 0xfffe, 0xffffff00 // they wrap
	}
	for i, n := range k.sizes {
		flags := byte(0x10)
		if i == len(k.sizes)-1 {
			flags |= k.flags
		}
		data := make([]byte, n)
		for j := range data {
			data[j] = byte(r.Uint32())
		}
		all = append(all, k.frame(w, port, id, seq, flags, data))
		step := 1
		if k.open == super {
			step = max(1, (n+k.mss-1)/k.mss)
		}
		id, seq = id+uint16(step), seq+uint32(n)
	}
	if k.swapped {
		all[1], all[2] = all[2], all[1]
	}
	if k.gap {
		all = append(all[:2], all[3:]...)
	}
	return all
}

func (k kind) frame(w way, port, id uint16, seq uint32, flags byte, data []byte) []byte {
	eth := append(append([]byte(nil), w.dst[:]...), w.src[:]...)
	for i := range k.tags {
		eth = append(eth, []byte{0x81, 0, 0x20, 5, 0x88, 0xa8, 0x60, 6}[4*(k.tags-1-i):][:4]...)
	}
	eth = k.network(eth, w, id)
	l4 := len(eth)
	eth = append(k.transport(eth, port, seq, flags), data...)
	h := work{}
	p := parts{v6: k.v6, udp: k.udp, l3: 14 + 4*k.tags, l4: l4, data: len(eth) - len(data), end: len(eth)}
	if k.routing == ahead {
		p.dst = addr(finalDst)
	}
	if k.v6 {
		binary.BigEndian.PutUint16(eth[p.l3+4:], uint16(len(eth)-p.l3-40))
	} else {
		binary.BigEndian.PutUint16(eth[p.l3+2:], uint16(len(eth)-p.l3))
		p.header(eth)
	}
	if k.udp {
		binary.BigEndian.PutUint16(eth[l4+4:], uint16(len(eth)-l4))
	}
	if k.zero {
		p.zeroSum(eth)
	}
	if p.complete(eth); k.open != whole {
		p.partial(eth)
		h = work{flags: needsCsum, start: uint16(l4), offset: uint16(p.csumAt())}
	}
	if k.open == super && len(data) > k.mss {
		h.hdr, h.size, h.gso = uint16(p.data), uint16(k.mss), k.gso()
	}
	if k.wrong {
		eth[l4+p.csumAt()] ^= 0x40
	}
	if k.none {
		clear(eth[l4+p.csumAt():][:2])
	}
	for i := range k.pad {
		eth = append(eth, byte(i))
	}
	return h.with(eth)
}

func (k kind) gso() uint8 {
	switch {
	case k.udp:
		return gsoUDP
	case k.v6:
		return gsoTCP6 | k.flags&0x80
	}
	return gsoTCP4 | k.flags&0x80 // CWR: GSOECN is the same bit
}

// zeroSum changes the last two bytes of the payload, which is of even length, so that the
// checksum comes out as 0.
func (p parts) zeroSum(eth []byte) {
	clear(eth[p.end-2 : p.end])
	clear(eth[p.l4+p.csumAt():][:2])
	binary.BigEndian.PutUint16(eth[p.end-2:], ^sum(p.pseudo(eth), eth[p.l4:p.end]))
}

// network appends ethertype and IP header, without lengths.
func (k kind) network(eth []byte, w way, id uint16) []byte {
	proto := byte(6)
	if k.udp {
		proto = 17
	}
	if !k.v6 {
		opts := []byte{}
		if k.ext {
			opts = []byte{0x94, 4, 0, 0, 7, 7, 4, 0, 0, 0, 0, 0} // router alert, record route
		}
		eth = append(eth, 8, 0, 0x45+byte(len(opts)/4), 0x2e, 0, 0)
		frag := byte(0)
		if k.df {
			frag = 0x40
		}
		eth = append(binary.BigEndian.AppendUint16(eth, id), frag, 0, 61, proto, 0, 0)
		return append(append(append(eth, addr(w.src4)...), addr(w.dst4)...), opts...)
	}
	eth = append(eth, 0x86, 0xdd, 0x62, 0xe1, 0x23, 0x45, 0, 0)
	next, opts := k.extensions(proto)
	eth = append(eth, next, 61)
	return append(append(append(eth, addr(w.src6)...), addr(w.dst6)...), opts...)
}

// extensions are the IPv6 extension headers in front of proto, in the order of RFC 8200 section 4.1,
// and the number of the first.
func (k kind) extensions(proto byte) (next byte, b []byte) {
	type header struct {
		number byte
		data   []byte // behind its first byte
	}
	var all []header
	if k.ext {
		all = append(all, header{0, []byte{0, 1, 4, 0, 0, 0, 0}}) // hop-by-hop: PadN
	}
	if k.routing != unrouted {
		all = append(all, header{60, []byte{0, 1, 4, 0, 0, 0, 0}})
		data := append([]byte{2, 2, byte(k.routing - visited), 0, 0, 0, 0}, addr(finalDst)...) // type 2: RFC 6275 section 6.4
		all = append(all, header{43, data})
	}
	if k.ext {
		all = append(all, header{60, []byte{1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}})
	}
	next = proto
	for i := len(all) - 1; i >= 0; i-- {
		b = append(append([]byte{next}, all[i].data...), b...)
		next = all[i].number
	}
	return next, b
}

// finalDst is where a packet goes whose routing header has a way ahead.
const finalDst = "fd00::abcd:99"

func addr(s string) []byte { return netip.MustParseAddr(s).AsSlice() }

// transport appends the transport header, without length and checksum.
func (k kind) transport(eth []byte, port uint16, seq uint32, flags byte) []byte {
	eth = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(eth, port), testPort)
	if k.udp {
		return append(eth, 0, 0, 0, 0)
	}
	eth = binary.BigEndian.AppendUint32(eth, seq)
	eth = append(eth, 1, 2, 3, 4, byte(5+k.tcpOpts/4)<<4, flags, 0x72, 0x10, 0, 0, 0, 0)
	for range k.tcpOpts {
		eth = append(eth, 1) // no operation
	}
	return eth
}
