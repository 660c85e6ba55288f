package conformance

import (
	"bufio"
	"bytes"
	"fmt"
	"net/netip"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipvl/ipvl/nsutil/rtnl"
)

// monitor is a program in the background that prints what happens in a
// namespace: "ip monitor", or the engine's own.
type monitor struct {
	cmd     *exec.Cmd
	stderr  bytes.Buffer
	objects []string // that were asked for
	lines   chan string
	records []string // what has not been told yet: lines with those that continue them
}

// monitor starts one, with the words behind its name; those with a dash are
// the program's options. It returns when the monitor has begun to listen.
func (l *lab) monitor(where string, words []string) error {
	argv := append(slices.Clone(l.engine.program()), "-n", spaceNamed(where))
	options := slices.IndexFunc(append(slices.Clone(words), ""), func(w string) bool { return !strings.HasPrefix(w, "-") })
	argv = append(append(append(argv, words[:options]...), "monitor"), words[options:]...)
	m := &monitor{cmd: exec.Command(argv[0], argv[1:]...), objects: words[options:], lines: make(chan string, 1<<12)}
	m.cmd.Stderr = &m.stderr
	out, err := m.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := in("host", m.cmd.Start); err != nil {
		return err
	}
	l.monitors[where] = m
	go func() {
		defer close(m.lines)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			m.lines <- lines.Text()
		}
	}()
	for start := time.Now(); time.Since(start) < patience; {
		if heard, err := l.call(where, 20*time.Millisecond); heard || err != nil {
			m.records = nil
			return err
		}
	}
	return fmt.Errorf("the monitor does not say anything: %s", m.stderr.Bytes())
}

// endMonitors ends those of a case.
func (l *lab) endMonitors() {
	for where, m := range l.monitors {
		_ = m.cmd.Process.Kill()
		for range m.lines { // until the reader has ended, too
		}
		_ = m.cmd.Wait()
		delete(l.monitors, where)
	}
}

// told returns what the monitor of a namespace has printed of an interface,
// device va's in that of a, since the last time: each thing once.
func (l *lab) told(where string, dev ...string) ([]string, error) {
	m := l.monitors[where]
	if m == nil {
		return nil, fmt.Errorf("there is no monitor in %s", where)
	}
	if heard, err := l.call(where, patience); !heard || err != nil {
		return nil, fmt.Errorf("the monitor has fallen silent: %w: %s", err, m.stderr.Bytes())
	}
	lines := []string{}
	for _, r := range m.records {
		text, of := monitored(r)
		if of != append(dev, "v"+where)[0] || passing(text) {
			continue
		}
		if strings.Contains(text, "Deleted "+of+": ") {
			lines = slices.DeleteFunc(lines, func(s string) bool { return strings.Contains(s, " "+of+": ") }) // how it came to its end is no matter
		}
		lines = append(lines, "told "+text)
	}
	m.records = nil
	slices.Sort(lines)
	return slices.Compact(lines), nil
}

// call lets something happen to a namespace's loopback interface, of each kind
// that its monitor tells of, and reads until it has been told.
func (l *lab) call(where string, wait time.Duration) (heard bool, err error) {
	m, s := l.monitors[where], l.spaces[spaceNamed(where)]
	l.calls++
	a := netip.AddrFrom4([4]byte{127, 1, byte(l.calls >> 8), byte(l.calls)})
	lo, err := s.index("lo")
	if err != nil {
		return false, err
	}
	prefix := netip.PrefixFrom(a, 32)
	if err := s.conn.Do(unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_EXCL, rtnl.AddrBody(lo, prefix, 0).Bytes()); err != nil {
		return false, err
	}
	if err := s.conn.Do(unix.RTM_DELADDR, 0, rtnl.AddrBody(lo, prefix, 0).Bytes()); err != nil {
		return false, err
	}
	group := uint32(1000 + l.calls)
	if err := s.conn.Do(unix.RTM_NEWLINK, 0, rtnl.LinkHeader(lo, 0, 0).Uint32(unix.IFLA_GROUP, group).Bytes()); err != nil {
		return false, err
	}
	return m.until(m.sign(a, group), wait)
}

// sign is the last that a monitor says of a call: what happens first is told first.
func (m *monitor) sign(a netip.Addr, group uint32) string {
	for _, kind := range []struct{ object, sign string }{
		{"link", fmt.Sprintf(" group %d ", group)}, {"address", fmt.Sprintf("inet %s/32 ", a)}, {"route", fmt.Sprintf("local %s dev lo ", a)},
	} {
		if len(m.objects) == 0 || slices.Contains(m.objects, "all") || slices.Contains(m.objects, kind.object) {
			return kind.sign
		}
	}
	return ""
}

// until reads until a sign has been seen.
func (m *monitor) until(sign string, wait time.Duration) (bool, error) {
	for deadline := time.After(wait); ; {
		select {
		case <-deadline:
			return false, nil
		case line, ok := <-m.lines:
			if !ok {
				return false, fmt.Errorf("the monitor ended: %s", m.stderr.Bytes())
			}
			if n := len(m.records); n > 0 && strings.TrimLeft(line, " \t") != line {
				m.records[n-1] += " " + line
			} else {
				m.records = append(m.records, line)
			}
			if strings.Contains(line+" ", sign) {
				return true, nil
			}
		}
	}
}

var (
	ofInterface = regexp.MustCompile(`^((?:\[\w+\])?(?:Deleted )?)\d+: ([^\s:@]+)(@if\d+|@\w+)?`)
	ofRoute     = regexp.MustCompile(`\bdev (\S+)`)
	hostsOwn    = regexp.MustCompile(` qdisc \S+| (link-netns|new-)\S* \S+| numtxqueues .*`)
	hardware    = regexp.MustCompile(`\b[0-9a-f]{2}(:[0-9a-f]{2}){5}\b`)
	states      = strings.NewReplacer("state UNKNOWN", "state UP", "state LOWERLAYERDOWN", "state DOWN") // as in show
)

// monitored tells of which interface a record of a monitor is, and what of it:
// numbers, queues and names are left out that are the host's own choice.
func monitored(record string) (text, dev string) {
	text = strings.Join(strings.Fields(record), " ")
	if found := ofInterface.FindStringSubmatch(text); found != nil {
		dev = found[2]
		text = found[1] + dev + strings.TrimPrefix(text, found[0])
	} else if found := ofRoute.FindStringSubmatch(text); found != nil {
		dev = found[1]
	}
	text = states.Replace(hostsOwn.ReplaceAllString(text, ""))
	return hardware.ReplaceAllStringFunc(text, func(s string) string { return macName(mustMAC(s)) }), dev
}

// passing says that a record is of a moment's state: an address before the
// kernel takes it as its own, a carrier before the kernel has looked at it. What
// stacks do with neighbours, they do in their own time.
func passing(text string) bool {
	return strings.Contains(text, " tentative ") || strings.Contains(text, "<NO-CARRIER,") && strings.Contains(text, ",LOWER_UP>") ||
		strings.HasPrefix(text, "[NEIGH]")
}
