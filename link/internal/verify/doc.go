// Package verify holds tests alone: that every way through package link gives the far side
// the very bytes that were sent, whatever is merged, cut and completed on the way.
//
// # What is compared
//
//	kinds ─► frames, with open work or without ─► a way ─► what arrived ─┐
//	               └─► reference: segments, checksums ──► what should ──┴─► byte for byte
//
// What arrives may still have open work: the reference does that, too, as a far side would, and
// finds fault with a header that does not fit its frame. Then each flow must be what was sent, in
// its order, and there must be no other flow.
//
// The reference follows the RFCs (768, 791, 1071, 8200, 9293) and uses nothing of link/vnet, so that a
// mistake there is not made twice.
//
// # Ways
//
// In memory: ports with every set of features, with batches and without, in every mode; to the host's link,
// elsewhere and back; through the netfilter of package stack/hooks, both ways. Where a mode changes
// frames, the reference changes them first (left, tidied, translated, …). In namespaces: TAPs, with
// io_uring and without, and a packet socket, with offloads and without, where the kernel reads and
// judges what is written, frame by frame and in bursts. To and from netstacks, whose
// packets stand for virtio-net headers by the forms that link/vnet documents.
package verify
