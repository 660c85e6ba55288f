package link

// Hooks are the netfilter hooks of the default namespace: mode l3s passes all
// of them, mode l3 those on the way out. Both methods are called from many goroutines at once and must not
// block. They borrow the frame for the call and may change it in place; what
// they return is that frame or one of their own, borrowed until the next call
// from the same goroutine, and nil where nothing is left to send.
type Hooks interface {
	// Output runs OUTPUT, finds the next hop of what is left, and runs
	// POSTROUTING, in that order (ip_local_out, ip_output).
	Output(frame []byte) (out []byte, hop Hop, reason HookReason)
	// Input runs defragmentation, PREROUTING and, if the destination is then
	// a device's, INPUT (ip_rcv, ip_local_deliver, ipvlan_nf_input).
	Input(frame []byte) (out []byte, reason HookReason)
}

// HookReason says what became of a frame that Hooks were given.
type HookReason uint8

const (
	// HookPass goes on.
	HookPass HookReason = iota
	// HookDrop was dropped by a rule or as malformed; Hooks count it.
	HookDrop
	// HookHost is for no device: the default namespace's own stack has it.
	HookHost
	// HookHeld is a fragment that waits for the others.
	HookHeld
)

// SetHooks replaces the Hooks; nil passes frames as if there were no rules.
func (m *Master) SetHooks(h Hooks) {
	if h == nil {
		m.hooks.Store(nil)
		return
	}
	m.hooks.Store(&h)
}

// hooked returns the Hooks that the mode passes on reception, or nil.
func (m *Master) hooked(v *view) Hooks {
	if v.mode != ModeL3S {
		return nil
	}
	return m.hooking()
}

// hooking returns the Hooks, or nil. What an L3 device sends passes them too:
// it is the default namespace's own (ip_local_out).
func (m *Master) hooking() Hooks {
	if h := m.hooks.Load(); h != nil {
		return *h
	}
	return nil
}

// outward runs what from sent through the OUTPUT hooks. The frame it returns
// is nil where it ends there, else an IP frame with a whole header.
func (m *Master) outward(v *view, h Hooks, from *Device, frame []byte) ([]byte, Hop) {
	out, hop, reason := h.Output(frame)
	if reason == HookPass {
		if q, ok := QueryOf(out); !ok {
			reason = HookDrop
		} else if v.linked(from) && v.host.has(q.Dst) {
			return out, Hop{Verdict: HopLocal}
		} else {
			return out, hop
		}
	}
	if reason == HookDrop {
		// The sender's device counts it too (ipvlan_xmit_mode_l3: tx_dropped).
		from.c.drops.add(ReasonFilter)
	}
	return nil, Hop{}
}
