package nsutil

import (
	"net"
	"testing"
)

// Rows L-12 of the kernel's behaviour.
func TestLinkLocal(t *testing.T) {
	for _, tc := range []struct {
		mac   string
		devID uint16
		want  string
	}{
		{"02:aa:bb:cc:dd:01", 0, "fe80::aa:bbff:fecc:dd01"},
		{"02:aa:bb:cc:dd:01", 1, "fe80::2aa:bb00:1cc:dd01"},
		{"02:aa:bb:cc:dd:01", 5, "fe80::2aa:bb00:5cc:dd01"},
		{"02:aa:bb:cc:dd:01", 0x1234, "fe80::2aa:bb12:34cc:dd01"},
		{"00:00:5e:00:53:01", 0xfffd, "fe80::5eff:fd00:5301"},
	} {
		mac, err := net.ParseMAC(tc.mac)
		if err != nil {
			t.Fatal(err)
		}
		if got := LinkLocal(mac, tc.devID).String(); got != tc.want {
			t.Errorf("%s id %#x: %s, want %s", tc.mac, tc.devID, got, tc.want)
		}
	}
	for _, mac := range []net.HardwareAddr{nil, make(net.HardwareAddr, 8)} {
		if got := LinkLocal(mac, 1); got.IsValid() {
			t.Errorf("%v: %v", mac, got)
		}
	}
}
