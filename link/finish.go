package link

import (
	"errors"
	"sync"

	"github.com/ipvl/ipvl/link/vnet"
)

// errRefused says that a lower endpoint did not take a packet.
var errRefused = errors.New("refused by the lower endpoint")

// finisher completes in software what the far side of a port does not: it
// keeps the buffers for that.
type finisher struct{ pool sync.Pool }

func (f *finisher) get() *vnet.Segmenter {
	if s, ok := f.pool.Get().(*vnet.Segmenter); ok {
		return s
	}
	return new(vnet.Segmenter)
}

// fit gives emit the frame as often and as finished as a far side with have
// wants it.
func (m *Master) fit(frame []byte, have vnet.Features, emit func([]byte) error) Reason {
	s := m.finisher.get()
	defer m.finisher.pool.Put(s)
	if err := vnet.Fit(frame, have, s, emit); err != nil {
		return ReasonWrite
	}
	return reasonNone
}

// writeTo writes a frame to p, finished where p needs it.
func (m *Master) writeTo(p Port, frame []byte) Reason {
	have := p.Features()
	if !vnet.Fits(frame, have) {
		return m.fit(frame, have, p.WriteFrame)
	}
	if p.WriteFrame(frame) != nil {
		return ReasonWrite
	}
	return reasonNone
}

// tooLong says that an IP frame does not fit into mtu L3 bytes, or that a
// segment of it will not.
func tooLong(frame []byte, mtu uint32) bool {
	l3 := len(frame) - vnet.HeaderLen - ethLen
	if l3 <= int(mtu) {
		return false
	}
	return vnet.SegmentMax(frame)-ethLen > int(mtu)
}

// cut makes finished frames of at most mtu L3 bytes of one that is longer:
// IPv4 without DF is fragmented, the rest is too large (ip_fragment,
// ip6_pkt_too_big; the ICMP error would have to come from the default
// namespace and could not reach the device).
func (m *Master) cut(frame []byte, mtu int, emit func([]byte) error) Reason {
	outer, inner := m.finisher.get(), m.finisher.get()
	defer m.finisher.pool.Put(outer)
	defer m.finisher.pool.Put(inner)
	err := vnet.Fit(frame, 0, outer, func(one []byte) error {
		if len(one)-vnet.HeaderLen-ethLen <= mtu {
			return emit(one)
		}
		if one[vnet.HeaderLen+12] == 0x86 {
			return errTooLarge
		}
		return vnet.Fragment4(one, mtu, inner, emit)
	})
	switch {
	case errors.Is(err, errTooLarge), errors.Is(err, vnet.ErrNeedFrag):
		return ReasonMTU
	case err != nil:
		return ReasonWrite
	}
	return reasonNone
}

var errTooLarge = errors.New("IPv6 packet over the MTU")
