package link

import "fmt"

// Mode says how far a packet travels in a device's own stack before it is
// switched to the master. It belongs to the master: all of its devices share
// it. The zero value is the kernel's default, L3.
type Mode uint8

const (
	// ModeL3 switches on L3: devices are NOARP, the router resolves and
	// routes, only unicast is received.
	ModeL3 Mode = iota
	// ModeL2 switches on L2: devices do their own ARP and ND, multicast and
	// broadcast are delivered.
	ModeL2
	// ModeL3S is ModeL3 with the hooks of the default namespace in the way
	// (Hooks), and its IP layer's checks on what comes in.
	ModeL3S
)

// String is the word of ip(8).
func (m Mode) String() string {
	switch m {
	case ModeL3:
		return "l3"
	case ModeL2:
		return "l2"
	case ModeL3S:
		return "l3s"
	}
	return "unknown"
}

// ParseMode is the inverse of Mode.String; the words are exact, as in ip(8).
func ParseMode(word string) (Mode, error) {
	for _, m := range []Mode{ModeL2, ModeL3, ModeL3S} {
		if word == m.String() {
			return m, nil
		}
	}
	return 0, &Error{Op: "parse mode", Name: word, Err: ErrInvalid}
}

// Flag says what happens to unicast between devices of one master. It belongs
// to the master. The zero value is the kernel's default, bridge.
type Flag uint8

const (
	// FlagBridge delivers between devices directly.
	FlagBridge Flag = iota
	// FlagPrivate drops unicast between devices; multicast still floods, as in
	// the kernel.
	FlagPrivate
	// FlagVEPA sends unicast between devices out, for the switch to reflect.
	FlagVEPA
)

// String is the word of ip(8).
func (f Flag) String() string {
	switch f {
	case FlagBridge:
		return "bridge"
	case FlagPrivate:
		return "private"
	case FlagVEPA:
		return "vepa"
	}
	return fmt.Sprintf("flag(%d)", uint8(f))
}

// ParseFlag is the inverse of Flag.String.
func ParseFlag(word string) (Flag, error) {
	for _, f := range []Flag{FlagBridge, FlagPrivate, FlagVEPA} {
		if word == f.String() {
			return f, nil
		}
	}
	return 0, &Error{Op: "parse flag", Name: word, Err: ErrInvalid}
}
