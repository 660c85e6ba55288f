// Package vnet is the border between the two forms of a frame: bytes with a
// virtio-net header, as TAP and AF_PACKET descriptors give and take them, and
// gVisor's stack.PacketBuffer.
//
// # The byte form
//
// A frame is one []byte: HeaderLen bytes of Header in host byte order, then the
// Ethernet frame. The header tells which work is still open: a checksum to be
// completed (FlagNeedsCsum) and a segmentation (GSOType, GSOSize). A frame
// without open work is finished; its header may be all zeros.
//
// # Data flow
//
//	descriptor ─► Validate ─► verdict ─► Fit ─► descriptor
//	                 │                    ▲
//	                 ▼                    │ PacketToBytes, where the far side cannot
//	   netstack ◄─ ToPacket   FromPacket ─┴► descriptor, by iovec
//
// Validate is called once a frame, where it enters, because nothing that a
// descriptor gives is trusted: afterwards offsets and sizes of the header agree
// with the bytes. Fit is called once for each far side. Open work that the far
// side completes itself is passed on untouched, which is the case that matters:
// Fits is then the whole cost. Else Fit completes the checksum in place or cuts
// the frame with a Segmenter. Fragment4 cuts finished IPv4 packets to an MTU.
//
// Fit is an operation on one frame and one far side. A Merger is the reverse, on
// a batch: it makes small frames one with open work, where the far side completes that.
//
// # Merging
//
// What is merged are UDP datagrams of equal size, of which the last may be shorter, and TCP segments
// that follow each other; up to MergeMax of them and 64 KiB. They are consecutive in
// their flow, not in the batch: frames of a few flows may alternate. The rule is
// that Fit gives back every byte:
//
//	the same        MAC addresses, TOS or class, flow label, TTL, DF, addresses, ports; TCP's
//	                acknowledgment, window, urgent pointer, ECE, options (so timestamps) to the byte
//	counted on      IPv4 identification (see Merger.Atomic), TCP sequence number
//	computed anew   lengths, checksums: only right ones, in the form that is computed here, are merged,
//	                so a wrong one stays wrong
//	on the last     FIN, PSH
//	not merged      fragments, IPv4 options, extension headers, VLAN tags, padding, no payload,
//	                SYN, RST, URG, CWR; UDP without checksum, because a header of open work cannot say
//	                that there is none; frames with segmentation already
//	lost            the hints FlagDataValid and HdrLen of the virtio-net header
//
// # Netstack
//
// A netstack takes a TCP frame of 64 KiB as it is, and a partial checksum as
// valid if its NIC has CapabilityRXChecksumOffload: FeaturesNetstack. It does
// not take a USO frame, which it would deliver as one long datagram: pass
// frames through Fit with FeaturesNetstack before ToPacket. gVisor decides on
// RX checksums per NIC, not per packet (nic.DeliverNetworkPacket overwrites
// PacketBuffer.RXChecksumValidated), so a NIC with that capability accepts
// frames from a wire unseen; Intact is the check to make before that.
//
// gVisor's GSO struct has no place for all that a Header tells. The forms are:
//
//	TCP GSO        Type TCPv4 or TCPv6, MSS; the ECN bit is the CWR flag in the frame
//	UDP GSO        Type None, NeedsCsum, MSS, CsumOffset 6
//	checksum only  Type TCPv4 or TCPv6, NeedsCsum, MSS 65535, which gVisor's own
//	               endpoints (fdbased) write as checksum only, too
//
// L3HdrLen is CsumStart-14 in each, VLAN tags included.
//
// # Ownership
//
// Bytes are borrowed for the call, in both directions: a function here may
// change the frame in place (completing a checksum does) and keeps nothing; a
// frame passed to emit is valid until emit returns, and emit may change it. After
// Fit and Fragment4 the frame still carries the same packet, so it can be given
// to the next far side. ToPacket returns a packet with one reference, which is
// the caller's. FromPacket and PacketToBytes borrow the packet, never write to
// its views, which clones share, and never pull up, which would copy a shared
// chunk whole; the pieces point into the views and into the Vec, and are
// valid until the packet is released or the Vec is used again.
//
// # Locks and allocation
//
// No locks and no package state. A Segmenter, a Merger or a Vec belongs to one goroutine
// at a time; zero values work, and grow to the largest frame seen. After that
// no function allocates per frame, but for ToPacket, which takes pooled views.
//
// # Limits
//
// Not supported: UFO (GSOUDP), tunnel GSO, virtio headers longer than 10 bytes,
// jumbograms, more than two VLAN tags. A Merger does not look at VLAN tags.
package vnet
