package link

// apart says that nothing may pass between a and b: one of them is isolated.
func (v *view) apart(a, b *Device) bool {
	return v.some&flagIsolate != 0 && a != b && (a.has(flagIsolate) || b.has(flagIsolate))
}

// severed says that d must not get a frame that is for it alone: from is who
// sent it, nil for the wire, on which a reflecting switch may send back what a
// sibling sent.
func (v *view) severed(mt *meta, from, d *Device) bool {
	return v.some&flagIsolate != 0 && v.separates(mt, from, d)
}

func (v *view) separates(mt *meta, from, d *Device) bool {
	if from == nil && mt.src == v.mac {
		from = v.sender(mt)
	}
	return from != nil && v.apart(from, d)
}

// sever counts a frame that severed kept from d: on its sender, as private
// does, or on d where it came over the wire.
func (m *Master) sever(from, d *Device) {
	if from == nil {
		from = d
	}
	from.c.drops.add(ReasonIsolated)
}

// deaf is severed for group frames. A reflected one may have a source that
// tells no sender: an isolated device gets none with the master's MAC address.
func (v *view) deaf(mt *meta, from, d *Device) bool {
	if v.some&flagIsolate == 0 {
		return false
	}
	if from == nil && mt.src == v.mac && d.has(flagIsolate) {
		return true
	}
	return from != nil && v.apart(from, d)
}
