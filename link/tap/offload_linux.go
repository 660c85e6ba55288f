package tap

import (
	"errors"
	"fmt"

	"github.com/ipvl/ipvl/link/vnet"
	"golang.org/x/sys/unix"
)

// setHeader makes the virtio-net header what vnet.Header is: 10 bytes in host
// byte order, whatever a user before us asked for.
func setHeader(fd int) error {
	if err := unix.IoctlSetPointerInt(fd, unix.TUNSETVNETHDRSZ, vnet.HeaderLen); err != nil {
		return fmt.Errorf("TUNSETVNETHDRSZ: %w", err)
	}
	// EINVAL is a kernel without the choice.
	if err := unix.IoctlSetPointerInt(fd, unix.TUNSETVNETLE, 0); err != nil && !errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("TUNSETVNETLE: %w", err)
	}
	return nil
}

// offload asks for want and, as far as the kernel refuses, for less. It returns
// what was granted, which may be nothing.
func offload(fd int, want vnet.Features) (vnet.Features, error) {
	for _, try := range []vnet.Features{
		want,
		want &^ vnet.FeatureUSO,
		want &^ (vnet.FeatureUSO | vnet.FeatureTSOECN),
		want & vnet.FeatureCsum,
	} {
		try = sound(try)
		err := unix.IoctlSetInt(fd, unix.TUNSETOFFLOAD, tunBits(try))
		if err == nil {
			return try, nil
		}
		if !errors.Is(err, unix.EINVAL) {
			return 0, fmt.Errorf("TUNSETOFFLOAD: %w", err)
		}
	}
	return 0, nil // as after opening
}

// sound takes away what cannot be without something else (set_offload in the
// kernel's tun.c): no segmentation without checksums, ECN only with TCP.
func sound(f vnet.Features) vnet.Features {
	if f&vnet.FeatureCsum == 0 {
		return 0
	}
	if f&(vnet.FeatureTSO4|vnet.FeatureTSO6) == 0 {
		f &^= vnet.FeatureTSOECN
	}
	return f
}

// tunBits translates to the argument of TUNSETOFFLOAD.
func tunBits(f vnet.Features) int {
	bits := 0
	for _, x := range []struct {
		f    vnet.Features
		bits int
	}{
		{vnet.FeatureCsum, unix.TUN_F_CSUM},
		{vnet.FeatureTSO4, unix.TUN_F_TSO4},
		{vnet.FeatureTSO6, unix.TUN_F_TSO6},
		{vnet.FeatureTSOECN, unix.TUN_F_TSO_ECN},
		{vnet.FeatureUSO, unix.TUN_F_USO4 | unix.TUN_F_USO6},
	} {
		if f&x.f != 0 {
			bits |= x.bits
		}
	}
	return bits
}
