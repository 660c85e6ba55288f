package vnet

const (
	// MergeMax is how many datagrams or segments become one frame at most: UDP_MAX_SEGMENTS
	// of kernels before 6.10, and what GRO makes of UDP (UDP_GRO_CNT_MAX).
	MergeMax = 64
	// mergeOpen is of how many flows frames are merged at a time (MAX_GRO_SKBS is 8).
	mergeOpen = 8
	// maxIP is the largest length in an IP header.
	maxIP = 0xffff
)

// Merger merges frames of a batch that goes to one far side: equal UDP datagrams of a flow into
// one frame of GSOUDPL4, and TCP segments that follow each other into one of GSOTCPv4 or
// GSOTCPv6. Fit gives them back byte for byte. See the package comment for what is merged. The
// zero value works. A Merger belongs to one goroutine at a time.
type Merger struct {
	// MTU is that of the far side: longer IP packets, which it would refuse, are not
	// merged. 0: any.
	MTU int
	// Atomic also merges IPv4 packets with DF whose identifications are all the same, as
	// a UDP socket sends that is not connected. They come apart with consecutive ones, which
	// is the one thing that changes. Receivers have to ignore it (RFC 6864, section 4.1).
	Atomic bool

	pieces []piece
	open   [mergeOpen]int // first pieces of frames that may grow, in pieces
	opens  int
	oldest int // of open, where the next flow goes when all are in use
	out    [][]byte
	buf    []byte
}

// piece is a frame of the batch.
type piece struct {
	frame []byte
	form  uint8
	need  Features
	l4    int // offset of the transport header in the Ethernet frame
	data  int // offset of the payload, likewise
	size  int // of the payload
	state uint8

	// Of the first piece of a frame that grows.
	count int // pieces
	total int // payload of all
	last  int // piece

	next   int  // piece of the same frame; 0: none
	merged bool // part of a frame whose first piece is another
}

// What a frame is, as far as merging is concerned.
const (
	formUDP     = 1 << iota // or TCP
	formIPv6                // or IPv4
	formPartial             // checksum to be completed
	formWhole               // may be merged

	formFlow = formUDP | formIPv6
)

// Whether checksums hold, which is found out only when it matters.
const (
	sumUnknown = iota
	sumRight
	sumWrong
)

// Merge returns the frames of a batch, merged as far as a far side with features have takes
// that. Each is at the place of its first; frames of one flow keep their order, and so does
// everything else towards what is no TCP or UDP, or a fragment. What was not merged is the same
// slice. The frames must have passed Validate; they are borrowed, not changed, and what is returned
// is valid until the next Merge, until when m keeps them referenced, too.
// No allocation once m has seen the largest batch.
func (m *Merger) Merge(frames [][]byte, have Features) [][]byte {
	if len(frames) < 2 || have&FeatureCsum == 0 || have&(FeatureTSO4|FeatureTSO6|FeatureUSO) == 0 {
		return frames
	}
	m.opens, m.oldest = 0, 0
	if cap(m.pieces) < len(frames) {
		m.pieces = make([]piece, len(frames))
	}
	m.pieces = m.pieces[:len(frames)]
	room := 0
	for i, f := range frames {
		m.pieces[i].parse(f)
		room += m.add(i, have)
	}
	if room == 0 {
		return frames
	}
	return m.gather(frames, room)
}

// add finds out whether piece i continues one before it. It returns how many bytes of frames
// that makes, beyond those of earlier calls, which become part of larger ones.
func (m *Merger) add(i int, have Features) int {
	p := &m.pieces[i]
	if p.l4 == 0 {
		m.opens = 0 // nothing moves over what we do not know
		return 0
	}
	may := p.form&formWhole != 0 && p.need&^have == 0 && (m.MTU == 0 || p.data-ethLen+p.size <= m.MTU)
	at := m.find(p)
	if at < m.opens {
		first := &m.pieces[m.open[at]]
		if may && first.count < MergeMax && m.continues(first, p) && first.intact() && p.intact() {
			if p.size < first.size || p.ends() {
				m.close(at)
			}
			return m.join(first, i)
		}
		m.close(at)
	}
	if may && !p.ends() {
		p.count, p.total, p.last = 1, p.size, i
		m.begin(i)
	}
	return 0
}

// join makes piece i part of first. It returns what add does.
func (m *Merger) join(first *piece, i int) int {
	p, bytes := &m.pieces[i], 0
	if first.count == 1 {
		bytes = len(first.frame)
	}
	m.pieces[first.last].next = i
	first.last, first.count, first.total = i, first.count+1, first.total+p.size
	p.merged = true
	return bytes + len(p.frame)
}

// find returns which of open is of the flow of p, or m.opens.
func (m *Merger) find(p *piece) int {
	for at, i := range m.open[:m.opens] {
		if m.pieces[i].sameFlow(p) {
			return at
		}
	}
	return m.opens
}

// begin opens piece i, if need be instead of the flow that was opened first.
func (m *Merger) begin(i int) {
	if m.opens < mergeOpen {
		m.open[m.opens] = i
		m.opens++
		return
	}
	m.open[m.oldest] = i
	m.oldest = (m.oldest + 1) % mergeOpen
}

// close ends the growth of what is at at.
func (m *Merger) close(at int) {
	m.opens--
	m.open[at] = m.open[m.opens]
}

// gather lists the frames. Those that were merged are built in m.buf, of which room bytes
// are enough.
//
// They are built as one piece each: a TAP takes 32 datagrams of 22 bytes so for 45 ns each,
// copying included, and in a vector (writev) for 77; from 1400 bytes on there is no difference.
func (m *Merger) gather(frames [][]byte, room int) [][]byte {
	if cap(m.buf) < room {
		m.buf = make([]byte, room)
	}
	out, buf := m.out[:0], m.buf[:0]
	for i := range m.pieces {
		p := &m.pieces[i]
		switch {
		case p.merged:
		case p.count > 1:
			start := len(buf)
			buf = append(buf, p.frame...)
			for j := p.next; j != 0; j = m.pieces[j].next {
				q := &m.pieces[j]
				buf = append(buf, q.frame[HeaderLen+q.data:]...)
			}
			f := buf[start:len(buf):len(buf)]
			p.finish(f, &m.pieces[p.last])
			out = append(out, f)
		default:
			out = append(out, frames[i])
		}
	}
	m.out = out
	return out
}
