package conformance

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// observation is what was seen after each step of a case, sorted.
type observation [][]string

// observe waits until all that a stimulus caused has been seen, and tells it.
func (l *lab) observe(stimulus *step, expect ...string) ([]string, error) {
	start := time.Now()
	l.expectLost = slices.ContainsFunc(expect, func(s string) bool { return strings.HasPrefix(s, "no way") })
	for n := 1; ; n++ {
		l.asked = false
		if err := l.round(); err != nil {
			return nil, err
		}
		if n < 2 || l.asked && n < 20 {
			continue
		}
		lines := l.lines(stimulus)
		if expect == nil || slices.Equal(lines, expect) || time.Since(start) > late {
			l.remember()
			l.events = nil
			return lines, nil
		}
	}
}

// lines tells the events, without what is no effect of the stimulus.
func (l *lab) lines(stimulus *step) []string {
	lines := []string{}
	dropped := false
	for _, e := range l.events {
		if l.state.mode == "l3s" && stimulus != nil && stimulus.where == "wire" && e.kind == deviceSocket && e.pkttype != unix.PACKET_OUTGOING {
			continue // the driver hands it to IP behind all captures
		}
		if l.state.mode == "l3s" && e.kind == hostSocket && (e.proto == unix.ETH_P_IP || e.proto == unix.ETH_P_IPV6) {
			continue // and so it does with all IP that comes to the host
		}
		isStimulus := stimulus != nil && stimulus.frame != nil && e.equal(stimulus.frame)
		if isStimulus && e.port == stimulus.where && e.pkttype == unix.PACKET_OUTGOING && !dropped {
			dropped = true // the stimulus itself, as it was sent
			continue
		}
		text := ""
		if e.frame != nil && !isStimulus {
			text = l.textOf(e)
			if noise(text) || isRequest(text) && (!l.fresher || l.requests[text]) {
				continue
			}
		}
		lines = append(lines, e.line(text))
	}
	slices.Sort(lines)
	return slices.CompactFunc(lines, func(a, b string) bool { return a == b && strings.HasPrefix(a, "no way") })
}

// textOf is an event's text. What a device sends in L3 is told without its Ethernet header:
// a capture there shares the bytes that the kernel's driver then makes the master's.
func (l *lab) textOf(e event) string {
	if e.kind == deviceSocket && e.pkttype == unix.PACKET_OUTGOING && l.state.mode != "l2" && len(e.frame) >= 14 {
		return strings.TrimLeft(readL3(binary.BigEndian.Uint16(e.frame[12:]), e.frame[14:]), "; ")
	}
	return e.text()
}

// remember notes requests that may be repeated at any time from now on.
func (l *lab) remember() {
	for _, e := range l.events {
		if text := e.text(); isRequest(text) {
			l.requests[text] = true
		}
	}
}

func isRequest(text string) bool {
	return strings.Contains(text, "; arp request ") || strings.Contains(text, "; ns ")
}

// noise is what stacks say in their own time: group reports, and probes of
// neighbours that are known.
func noise(text string) bool {
	return strings.Contains(text, "; icmp6 143 ") || strings.Contains(text, "; icmp6 131 ") || strings.Contains(text, "; icmp6 132 ") ||
		strings.Contains(text, "224.0.0.22") ||
		strings.Contains(text, "; icmp 11 1") || strings.Contains(text, "; icmp6 3 1") || // fragments that waited long enough
		strings.Contains(text, "; icmp 3 1") || strings.Contains(text, "; icmp6 1 3") || // neighbours that did not answer
		strings.Contains(text, "; rs") ||
		strings.HasPrefix(text, "eth PM MM; arp request") || strings.HasPrefix(text, "eth PM MM; ip6 ") && strings.Contains(text, "; ns ") ||
		strings.HasPrefix(text, "eth GM MM; arp request") || strings.HasPrefix(text, "eth GM MM; ip6 ") && strings.Contains(text, "; ns ")
}

// equal says that an event is the stimulus as it was.
func (e event) equal(stimulus []byte) bool {
	switch {
	case e.socket.kind == sinkSocket || e.tag.present:
		return false
	case e.kind == hostSocket:
		return len(stimulus) >= 14 && bytes.Equal(e.frame, stimulus[14:]) && e.proto == binary.BigEndian.Uint16(stimulus[12:])
	}
	return bytes.Equal(e.frame, stimulus)
}

func (e event) text() string {
	switch {
	case e.frame == nil:
		return ""
	case e.kind == sinkSocket:
		return senderOf(e.from) + readData(e.frame)
	case e.kind == hostSocket:
		s := ""
		if e.tag.present {
			s = "; " + readTag(e.tag.tpid, e.tag.tci)
		}
		return strings.TrimLeft(s+readL3(e.proto, e.frame), "; ")
	}
	return readFrame(e.frame, e.tag)
}

// line is "PORT[ KIND]: FRAME"; the frame of the stimulus is "same".
func (e event) line(text string) string {
	if e.frame == nil {
		return e.port
	}
	if text == "" {
		text = "same"
	}
	if e.kind == wireSocket || e.kind == sinkSocket {
		return e.port + ": " + text
	}
	kind, ok := map[uint8]string{0: "unicast", 1: "broadcast", 2: "multicast", 3: "foreign", 4: "out"}[e.pkttype]
	if !ok {
		kind = fmt.Sprint(e.pkttype)
	}
	return e.port + " " + kind + ": " + text
}

func senderOf(sa unix.Sockaddr) string {
	if in6, ok := sa.(*unix.SockaddrInet6); ok {
		b := in6.Addr[:]
		if bytes.HasPrefix(b, []byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}) {
			b = b[12:]
		}
		return addrName(b)
	}
	return "?"
}

// answer plays the hosts on the wire: everybody there answers, but those that
// are dead, and but for the addresses of the topology.
func (l *lab) answer(e event) error {
	if e.port != "wire" || e.tag.present || len(e.frame) < 42 || macName(e.frame[6:12]) == "PM" {
		return nil
	}
	reply := ""
	text := e.text()
	words := strings.Fields(text)
	switch {
	case strings.Contains(text, "; arp request ") && !strings.Contains(text, " arp request "+words[6]+" "+words[6]):
		if target := words[6]; l.onWire(target) {
			reply = fmt.Sprintf("eth %s %s; arp reply %s %s sha=%s tha=%s", macName(e.frame[6:12]), wireMAC(target), target, words[5], wireMAC(target), macName(e.frame[6:12]))
		}
	case strings.Contains(text, "; ns ") && words[4] != "::":
		at := slices.Index(words, "ns")
		if target := words[at+1]; l.onWire(target) {
			reply = fmt.Sprintf("eth %s %s; ip6 %s %s hop=255; na %s tll=%s", macName(e.frame[6:12]), wireMAC(target), target, strings.TrimSuffix(words[4], ";"), target, wireMAC(target))
		}
	}
	if reply == "" {
		return nil
	}
	frame, err := build(reply)
	if err != nil {
		return fmt.Errorf("answer %s: %w", text, err)
	}
	l.asked = true
	return l.send("wire", frame)
}

// onWire says that the runner plays the host with that address. In L3 mode,
// where no device answers, it plays a router for theirs.
func (l *lab) onWire(target string) bool {
	switch target[:1] {
	case "A", "B", "C":
		return l.state.mode != "l2"
	case "H", "O":
		return false
	}
	return !strings.HasSuffix(target, ".66") && !strings.HasSuffix(target, "::66") // the dead
}

func wireMAC(target string) string {
	if strings.HasPrefix(target, "G") {
		return "GM"
	}
	return "PM"
}
