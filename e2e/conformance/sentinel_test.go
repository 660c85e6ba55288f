package conformance

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	sentinelPort = 9
	magic        = "~sentinel~"
	// lost is how long a sentinel may be under way.
	lost = 400 * time.Millisecond
	// late is how long more sentinels are sent for what is expected and has
	// not been seen.
	late = 400 * time.Millisecond
)

// leg is a way that frames can take now, and where they end.
type leg struct {
	from, layers string
	to           []string
}

// legs are all ways of the present world. What a sentinel has overtaken
// nowhere has arrived before it.
func (l *lab) legs() []leg {
	s := &l.state
	if s.cut {
		return nil
	}
	var all []leg
	var up []device
	for _, d := range s.devices {
		if d.there && d.up {
			up = append(up, d)
		}
	}
	if s.masterUp {
		all = append(all, leg{"wire", "eth " + s.mac + " PM; ip4 P4 H4; udp 9 9", []string{"host"}})
		flood := []string{"host"}
		for _, d := range up {
			flood = append(flood, d.name)
			if ip := d.ip("P4", "P6", true); ip != "" {
				to := d.name
				if s.mode == "l3s" { // the driver shows it to sockets only
					to = strings.TrimPrefix(d.ns, "n") + " udp"
				}
				all = append(all, leg{"wire", "eth " + s.mac + " PM; " + ip, []string{to}})
			}
		}
		if s.mode == "l2" {
			all = append(all, leg{"wire", "eth FF PM type=0x88b5", flood})
		}
	}
	for _, d := range up {
		all = append(all, l.legsOf(d, up)...)
	}
	return all
}

func (l *lab) legsOf(d device, up []device) []leg {
	s := &l.state
	var all []leg
	eth := "eth " + s.mac + " " + s.mac
	if s.mode == "l2" {
		flood := []string{}
		for _, o := range up {
			if o.name != d.name {
				flood = append(flood, o.name)
			}
		}
		if s.masterUp {
			flood = append(flood, "wire")
			all = append(all, leg{d.name, "eth PM " + s.mac + " type=0x88b5", []string{"wire"}})
		}
		all = append(all, leg{d.name, "eth FF " + s.mac + " type=0x88b5", flood})
	} else if s.masterUp {
		all = append(all, leg{d.name, eth + "; " + or(d.ip("P4", "P6", false), "ip4 U4 P4; udp 9 9"), []string{"wire"}})
	}
	if s.masterUp && (s.mode != "l2" || s.flag != "vepa") {
		all = append(all, leg{d.name, eth + "; ip4 U4 H4; udp 9 9", []string{"host"}})
	}
	for _, o := range up {
		if ip := o.ip("U4", "U6", true); s.flag == "bridge" && o.name != d.name && ip != "" {
			all = append(all, leg{d.name, eth + "; " + ip, []string{o.name}})
		}
	}
	return all
}

// ip is a sentinel from (or to) one of the device's addresses to (or from) a
// peer's.
func (d device) ip(peer4, peer6 string, to bool) string {
	for _, a := range d.addrs {
		version, peer := "ip4", peer4
		if strings.HasPrefix(a, "fe80") {
			continue
		}
		if strings.Contains(a, ":") {
			version, peer = "ip6", peer6
		}
		if to {
			return version + " " + peer + " " + a + "; udp 9 9"
		}
		return version + " " + a + " " + peer + "; udp 9 9"
	}
	return ""
}

// round sends a sentinel over each leg and reads until all have arrived. A
// way may just be opening, so what got lost is sent again; then it is closed.
func (l *lab) round() error {
	l.rounds++
	attempts, wait := 3, lost
	if l.expectLost {
		attempts, wait = 1, lost/4
	}
	missing, legs := map[string]bool{}, l.legs()
	for attempt := range attempts {
		waiting, err := l.sendSentinels(legs, missing, attempt == 0)
		if err != nil {
			return err
		}
		deadline := time.Now().Add(wait)
		for len(waiting) > 0 && time.Now().Before(deadline) {
			if err := l.poll(time.Until(deadline), waiting); err != nil {
				return err
			}
		}
		missing = map[string]bool{}
		for w := range waiting {
			missing[nameLeg(legs, w)] = true
		}
		if len(missing) == 0 {
			return l.poll(0, nil)
		}
	}
	for way := range missing {
		l.closed[way] = true // not to be waited for again
		from, _, _ := strings.Cut(way, ":")
		l.events = append(l.events, event{socket: &socket{port: "no way from " + from}})
	}
	return nil
}

// sendSentinels sends over all legs, or those that one is missing of, and tells
// which sentinels have to arrive where.
func (l *lab) sendSentinels(legs []leg, missing map[string]bool, all bool) (map[string]bool, error) {
	waiting := map[string]bool{}
	l.seq++
	for i, g := range legs {
		id, used := fmt.Sprintf("%s%07d.%02d~", magic, l.seq, i), all
		for _, port := range g.to {
			if way := g.way(port); all && !l.closed[way] || missing[way] {
				waiting[port+" "+id], used = true, true
			}
		}
		if !used {
			continue
		}
		frame, err := build(g.layers + fmt.Sprintf("; hex %x", id))
		if err != nil {
			return nil, err
		}
		if err := l.send(g.from, frame); err != nil {
			return nil, fmt.Errorf("sentinel %s: %w", g.layers, err)
		}
	}
	return waiting, nil
}

// way names one of the places that a leg leads to.
func (g leg) way(port string) string { return g.from + " to " + port + ": " + g.layers }

// nameLeg is the way of a sentinel that is waited for.
func nameLeg(legs []leg, waiting string) string {
	at := strings.LastIndexByte(waiting, ' ')
	var seq, i int
	if _, err := fmt.Sscanf(waiting[at+1:], magic+"%d.%d~", &seq, &i); err != nil {
		return waiting
	}
	return legs[i].way(waiting[:at])
}

// send sends a frame from the wire's peer or from a device.
func (l *lab) send(from string, frame []byte) error {
	s := l.socketOf(from)
	if s == nil {
		return fmt.Errorf("nowhere to send from: %s", from)
	}
	switch err := s.send(frame, l.index[from]); err {
	case unix.ENOBUFS, unix.ENETDOWN, unix.ENETUNREACH, unix.EHOSTUNREACH, unix.EMSGSIZE, unix.EINVAL, unix.EACCES:
		return nil // a drop that the kernel tells of: not all engines can
	default:
		return err
	}
}

// poll reads what there is, and waits for something if there is nothing.
func (l *lab) poll(wait time.Duration, waiting map[string]bool) error {
	fds := make([]unix.PollFd, len(l.sockets))
	for i, s := range l.sockets {
		fds[i] = unix.PollFd{Fd: int32(s.fd), Events: unix.POLLIN}
	}
	if _, err := unix.Poll(fds, int(wait.Milliseconds())); err != nil && err != unix.EINTR {
		return err
	}
	for i, s := range l.sockets {
		for fds[i].Revents != 0 {
			e, ok, err := s.read(l.buf)
			if err != nil {
				return err
			}
			if !ok {
				break
			}
			if at := bytes.Index(e.frame, []byte(magic)); at >= 0 {
				if id, _, ok := bytes.Cut(e.frame[at+len(magic):], []byte("~")); ok && e.pkttype != unix.PACKET_OUTGOING {
					delete(waiting, s.port+" "+magic+string(id)+"~")
				}
				continue
			}
			if err := l.answer(e); err != nil {
				return err
			}
			l.events = append(l.events, e)
			if e.worthReply() {
				l.last[e.port] = e.frame
			}
		}
	}
	return nil
}
