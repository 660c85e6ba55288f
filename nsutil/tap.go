package nsutil

import "errors"

// TAP is an Interface that is a TAP device.
type TAP struct{ Interface }

// CreateTAP makes a TAP in the namespace of the process and moves it to
// o.Netns. It is down, and disappears with its descriptor.
func CreateTAP(o Options) (*TAP, error) {
	return nil, &Error{Op: "create tap", Name: o.Name, Err: errors.ErrUnsupported}
}

// cannotOpenTun tells whether err is about opening /dev/net/tun, not about the interface.
func cannotOpenTun(err error) bool { return false }
