package link

import "github.com/ipvl/ipvl/link/vnet"

// BatchPort is a Port that writes many frames at once.
type BatchPort interface {
	Port
	// WriteFrames writes frames in this order, each as WriteFrame does, and
	// returns how many of them were lost. It may change them.
	WriteFrames(frames [][]byte) (lost int)
}

// Batch collects what becomes of the frames that one reader read at once, so
// that a BatchPort gets its share of them at once. It belongs to one goroutine;
// the zero value is ready. A frame in it is its reader's, who keeps it until
// TransmitBatch or ReceiveBatch returns.
type Batch struct {
	items  []outgoing
	share  [][]byte // of one port
	merger vnet.Merger
}

// outgoing is a frame on its way to a port.
type outgoing struct {
	port  BatchPort
	frame []byte
	c     *counters // who loses it
	mtu   int       // of the wire; 0: that of a device was seen to already
}

// TransmitBatch is Transmit for all of frames, in order.
func (d *Device) TransmitBatch(frames [][]byte, b *Batch) {
	if len(frames) == 1 {
		d.transmit(frames[0], nil)
		return
	}
	for _, f := range frames {
		d.transmit(f, b)
	}
	b.flush()
}

// ReceiveBatch is Receive for all of frames, in order.
func (m *Master) ReceiveBatch(frames [][]byte, b *Batch) {
	if len(frames) == 1 {
		m.receive(frames[0], nil)
		return
	}
	for _, f := range frames {
		m.receive(f, b)
	}
	b.flush()
}

// put takes a frame for p that is finished, and reports false where it has to
// be written at once: there is no batch, or p writes one by one.
func (b *Batch) put(p Port, frame []byte, c *counters, mtu int) bool {
	if b == nil {
		return false
	}
	bp, ok := p.(BatchPort)
	if !ok || !vnet.Fits(frame, p.Features()) {
		b.flush() // what is written now must not overtake what waits
		return false
	}
	b.items = append(b.items, outgoing{bp, frame, c, mtu})
	return true
}

// flush writes what waits, port by port: frames of one port keep their order,
// and those of one flow become one where its far side takes that (vnet.Merger).
func (b *Batch) flush() {
	if b == nil || len(b.items) == 0 {
		return
	}
	for i := range b.items {
		first := b.items[i]
		if first.port == nil {
			continue
		}
		b.share = b.share[:0]
		for j := i; j < len(b.items); j++ {
			if b.items[j].port == first.port {
				b.share = append(b.share, b.items[j].frame)
				b.items[j].port = nil
			}
		}
		b.merger.MTU = first.mtu
		if lost := first.port.WriteFrames(b.merger.Merge(b.share, first.port.Features())); lost > 0 {
			first.c.drops[ReasonWrite].Add(uint64(lost))
		}
	}
	clear(b.items) // or the frames of a port that closed would stay
	clear(b.share)
	b.items = b.items[:0]
}
