package tap

import (
	"testing"

	"github.com/ipvl/ipvl/link/internal/nstest"
	"github.com/ipvl/ipvl/link/vnet"
	"golang.org/x/sys/unix"
)

func TestSoundAndBits(t *testing.T) {
	const tso = vnet.FeatureTSO4 | vnet.FeatureTSO6
	for _, c := range []struct {
		in, sound vnet.Features
		bits      int
	}{
		{0, 0, 0},
		{vnet.FeaturesAll, vnet.FeaturesAll,
			unix.TUN_F_CSUM | unix.TUN_F_TSO4 | unix.TUN_F_TSO6 | unix.TUN_F_TSO_ECN | unix.TUN_F_USO4 | unix.TUN_F_USO6},
		{vnet.FeaturesAll &^ vnet.FeatureCsum, 0, 0},
		{vnet.FeatureCsum | vnet.FeatureTSOECN, vnet.FeatureCsum, unix.TUN_F_CSUM},
		{vnet.FeatureCsum | vnet.FeatureTSO6 | vnet.FeatureTSOECN, vnet.FeatureCsum | vnet.FeatureTSO6 | vnet.FeatureTSOECN,
			unix.TUN_F_CSUM | unix.TUN_F_TSO6 | unix.TUN_F_TSO_ECN},
		{vnet.FeatureCsum | tso, vnet.FeatureCsum | tso, unix.TUN_F_CSUM | unix.TUN_F_TSO4 | unix.TUN_F_TSO6},
	} {
		if got := sound(c.in); got != c.sound {
			t.Errorf("sound(%05b) = %05b, want %05b", c.in, got, c.sound)
		}
		if got := tunBits(c.sound); got != c.bits {
			t.Errorf("tunBits(%05b) = %#x, want %#x", c.sound, got, c.bits)
		}
	}
}

// TestGranted asks a TAP, or something that grants nothing, for offloads.
func TestGranted(t *testing.T) {
	each(t, func(t *testing.T, e *ends) {
		if e.kind == "sockets" {
			if f, err := offload(int(fdOf(e.Port)), vnet.FeaturesAll); err == nil {
				t.Errorf("a socket grants %05b", f)
			}
			if err := setHeader(int(fdOf(e.Port))); err == nil {
				t.Error("a socket takes a header length")
			}
			return
		}
		if e.Granted()&^vnet.FeatureUSO != vnet.FeaturesAll&^vnet.FeatureUSO || e.Features() != e.Granted() {
			t.Errorf("granted %05b, features %05b, want all (USO since Linux 6.2)", e.Granted(), e.Features())
		}
		nstest.New(t).Do(t, func() error {
			p, err := New(tapFile(t, "t1", unix.IFF_VNET_HDR), Options{Without: vnet.FeatureTSO4 | vnet.FeatureUSO})
			if err != nil {
				return err
			}
			const want = vnet.FeatureCsum | vnet.FeatureTSO6 | vnet.FeatureTSOECN
			if p.Granted() != want || p.Features() != e.Features() {
				t.Errorf("granted %05b, features %05b, want %05b, %05b", p.Granted(), p.Features(), want, e.Features())
			}
			return nil
		})
	})
}
