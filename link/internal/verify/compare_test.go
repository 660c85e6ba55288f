package verify

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"
)

// testPort is the destination port of all frames of these tests, and the source port of answers.
const testPort = 0x4950

// key names a flow: those of a test differ in what it holds.
type key struct {
	v6, udp  bool
	from, to uint16
}

func (k key) String() string {
	return fmt.Sprintf("%s over IPv%d ports %d to %d", map[bool]string{false: "TCP", true: "UDP"}[k.udp], map[bool]int{false: 4, true: 6}[k.v6], k.from, k.to)
}

// keyOf is false for what is not of these tests.
func keyOf(eth []byte) (key, bool) {
	p, err := look(eth)
	if err != nil {
		return key{}, false
	}
	k := key{p.v6, p.udp, binary.BigEndian.Uint16(eth[p.l4:]), binary.BigEndian.Uint16(eth[p.l4+2:])}
	return k, k.to == testPort || k.from == testPort
}

// other is the port that is not the same for all flows.
func (k key) other() uint16 {
	if k.from == testPort {
		return k.to
	}
	return k.from
}

// flows are finished Ethernet frames.
type flows struct {
	of    map[key][][]byte
	count int
	names map[uint16]string // of the other ports
}

func newFlows() *flows { return &flows{of: make(map[key][][]byte), names: make(map[uint16]string)} }

// add finishes a frame and files it. Aliens, which a kernel sends of its own, are none of ours.
func (f *flows) add(frame []byte) error {
	_, eth, err := split(frame)
	if err != nil {
		return err
	}
	if _, ok := keyOf(eth); !ok {
		return errAlien
	}
	all, err := finish(frame)
	if err != nil {
		k, _ := keyOf(eth)
		return fmt.Errorf("%v (%s): %w", k, f.names[k.other()], err)
	}
	for _, one := range all {
		k, _ := keyOf(one)
		f.of[k] = append(f.of[k], bytes.Clone(one))
		f.count++
	}
	return nil
}

// compare reports where got is not want.
func compare(t testing.TB, want, got *flows) {
	t.Helper()
	for k, all := range want.of {
		have := got.of[k]
		for i, w := range all {
			if i >= len(have) {
				t.Errorf("%v (%s): %d frames, want %d", k, want.names[k.other()], len(have), len(all))
				break
			}
			if !bytes.Equal(have[i], w) {
				t.Errorf("%v (%s): frame %d of %d differs: %s", k, want.names[k.other()], i, len(all), differ(have[i], w))
				break
			}
		}
		if len(have) > len(all) {
			t.Errorf("%v (%s): %d frames, want %d", k, want.names[k.other()], len(have), len(all))
		}
	}
	for k, have := range got.of {
		if _, ok := want.of[k]; !ok {
			t.Errorf("%v: %d frames that nobody sent", k, len(have))
		}
	}
}

// differ describes the first byte that differs.
func differ(have, want []byte) string {
	i := 0
	for i < len(have) && i < len(want) && have[i] == want[i] {
		i++
	}
	p, _ := look(want)
	return fmt.Sprintf("byte %d (%+v); %d bytes, want %d\n%x\n%x", i, p, len(have), len(want), have[:min(len(have), 120)], want[:min(len(want), 120)])
}
