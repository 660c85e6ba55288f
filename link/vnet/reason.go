package vnet

// Reason says why a frame was refused. It is an error; a Reason is small and
// comparable, so that callers compare with == or errors.Is, and count in an
// array of NumReasons. Converting one to error does not allocate. The zero
// Reason means no error and is never returned as an error.
type Reason uint8

const (
	// ErrTruncated is a frame shorter than its headers, or than the length in its IP header.
	ErrTruncated Reason = iota + 1
	// ErrHeaders is an IP or transport header that contradicts itself.
	ErrHeaders
	// ErrCsumRange is a checksum field outside the packet or inside the Ethernet or IP header.
	ErrCsumRange
	// ErrGSOType is a segmentation that is unknown or refused (UFO).
	ErrGSOType
	// ErrGSOProto is a segmentation that does not match the protocols in the frame.
	ErrGSOProto
	// ErrGSOSize is a segmentation into segments of size 0.
	ErrGSOSize
	// ErrGSOCsum is a segmentation whose checksum field is not that of the transport header.
	ErrGSOCsum
	// ErrFragment is a segmentation of an IP fragment.
	ErrFragment
	// ErrNeedFrag is an IPv4 packet larger than the MTU that must not be
	// fragmented: answer with ICMP type 3 code 4 (RFC 1191).
	ErrNeedFrag
	// ErrMTU is an MTU too small for the IP header and 8 bytes.
	ErrMTU
	// ErrNotIPv4 is a frame other than IPv4 given to Fragment4.
	ErrNotIPv4
	// ErrUnfinished is a frame with open work given to Fragment4: call Fit first.
	ErrUnfinished

	// NumReasons is one more than the largest Reason.
	NumReasons = iota + 1
)

// Error implements error.
func (r Reason) Error() string { return "vnet: " + r.String() }

// String names the reason in a few words.
func (r Reason) String() string {
	switch r {
	case ErrTruncated:
		return "frame shorter than its headers say"
	case ErrHeaders:
		return "malformed IP or transport header"
	case ErrCsumRange:
		return "checksum field out of range"
	case ErrGSOType:
		return "unknown segmentation type"
	case ErrGSOProto:
		return "segmentation type does not match the protocol"
	case ErrGSOSize:
		return "segment size is zero"
	case ErrGSOCsum:
		return "checksum field of a segmented frame is not the transport header's"
	case ErrFragment:
		return "segmentation of an IP fragment"
	case ErrNeedFrag:
		return "larger than the MTU and must not be fragmented"
	case ErrMTU:
		return "MTU smaller than the IP header and 8 bytes"
	case ErrNotIPv4:
		return "not an IPv4 frame"
	case ErrUnfinished:
		return "checksum or segmentation still open: call Fit first"
	}
	return "no reason"
}

// err returns nil for the zero Reason, because a non-nil error that means
// success must not come about.
func (r Reason) err() error {
	if r == 0 {
		return nil
	}
	return r
}
