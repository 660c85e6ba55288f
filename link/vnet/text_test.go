package vnet

import "testing"

func TestHeaderString(t *testing.T) {
	for want, h := range map[string]Header{
		"finished":              {},
		"valid":                 {Flags: FlagDataValid},
		"csum@34+6":             {Flags: FlagNeedsCsum, CsumStart: 34, CsumOffset: 6},
		"csum@34+16 tcp4 mss 7": {Flags: FlagNeedsCsum, CsumStart: 34, CsumOffset: 16, GSOType: GSOTCPv4, GSOSize: 7},
		"tcp6+ecn mss 7":        {GSOType: GSOTCPv6 | GSOECN, GSOSize: 7},
		"udp mss 1":             {GSOType: GSOUDPL4, GSOSize: 1},
		"ufo mss 1":             {GSOType: GSOUDP, GSOSize: 1},
		"none+ecn mss 0":        {GSOType: GSOECN},
		"gso(0x42) mss 0":       {GSOType: 0x42},
	} {
		if got := h.String(); got != want {
			t.Errorf("%+v is %q, want %q", h, got, want)
		}
	}
}

func TestFeaturesString(t *testing.T) {
	for want, f := range map[string]Features{
		"none":                   0,
		"csum,tso6":              FeatureCsum | FeatureTSO6,
		"csum,tso4,tso6,ecn,uso": FeaturesAll,
		"uso,0x80":               FeatureUSO | 0x80,
	} {
		if got := f.String(); got != want {
			t.Errorf("%#x is %q, want %q", uint8(f), got, want)
		}
	}
}
