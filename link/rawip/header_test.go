package rawip

import (
	"bytes"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// rawSocket receives whole IPv4 packets of a protocol on the host.
func (h *host) rawSocket(t testing.TB, proto int) int {
	t.Helper()
	fd := -1
	h.Do(t, func() (err error) {
		fd, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, proto)
		if err != nil {
			return err
		}
		tv := unix.NsecToTimeval(int64(patience / time.Nanosecond))
		return unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv)
	})
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

// TestHeaderIsKept compares, byte for byte, what is sent with what arrives.
func TestHeaderIsKept(t *testing.T) {
	h := newHost(t)
	const proto = 99
	fd := h.rawSocket(t, proto)
	base := udpFrame(dev4, host4, 9, []byte("payload"))
	base = sealed(sealed(base, 9, proto), 4, 0x77) // a protocol of nobody's, an id
	options := append([]byte(nil), base[:offIP+ipv4Len]...)
	options = append(options, 1, 1, 1, 0) // three no-operations, end of list
	options = append(options, base[offIP+ipv4Len:]...)
	options[offIP], options[offIP+3] = 0x46, options[offIP+3]+4
	seal(options[offIP : offIP+ipv4Len+4])
	for _, c := range []struct {
		name  string
		frame []byte
		keeps bool
	}{
		{"plain", base, true},
		{"TTL 0", sealed(base, 8, 0), true},
		{"TTL 1", sealed(base, 8, 1), true},
		{"TOS", sealed(base, 1, 0xb9), true},
		{"do not fragment", sealed(base, 6, 0x40), true},
		{"options", options, true},
		{"no id", sealed(base, 4, 0), false},
	} {
		for _, padding := range []int{0, 30} {
			want := c.frame[offIP:]
			b := append(c.frame[:len(c.frame):len(c.frame)], bytes.Repeat([]byte{0xee}, padding)...)
			for _, write := range []func([]byte) error{h.port.WriteFrame, inPieces(h.port)} {
				if err := write(b); err != nil {
					t.Fatalf("%s: %v", c.name, err)
				}
				var buf [200]byte
				n, _, err := unix.Recvfrom(fd, buf[:], 0)
				if err != nil {
					t.Fatalf("%s: %v", c.name, err)
				}
				if got := buf[:n]; bytes.Equal(got, want) != c.keeps {
					t.Errorf("%s: sent %x, got %x", c.name, want, got)
				} else if !sumOK(got[:ipv4Len+4*int(got[0]&0xf-5)]) || len(got) != len(want) {
					t.Errorf("%s: sent %x, got %x with checksum or length wrong", c.name, want, got)
				}
			}
		}
	}
}
