package vnet

import (
	"fmt"
	"strings"
)

// String shows the header as in "csum@34+16 tcp4 mss 1448", "finished" or
// "valid", for logs and test failures.
func (h Header) String() string {
	var s []string
	if h.Flags&FlagNeedsCsum != 0 {
		s = append(s, fmt.Sprintf("csum@%d+%d", h.CsumStart, h.CsumOffset))
	}
	if h.Flags&FlagDataValid != 0 {
		s = append(s, "valid")
	}
	if h.GSOType != GSONone {
		s = append(s, fmt.Sprintf("%s mss %d", gsoName(h.GSOType), h.GSOSize))
	}
	if s == nil {
		return "finished"
	}
	return strings.Join(s, " ")
}

func gsoName(t uint8) string {
	ecn := ""
	if t&GSOECN != 0 {
		ecn = "+ecn"
	}
	switch t & gsoTypeIs {
	case GSONone:
		return "none" + ecn
	case GSOTCPv4:
		return "tcp4" + ecn
	case GSOTCPv6:
		return "tcp6" + ecn
	case GSOUDPL4:
		return "udp" + ecn
	case GSOUDP:
		return "ufo" + ecn
	}
	return fmt.Sprintf("gso(%#x)", t)
}

// String lists the features as in "csum,tso4,tso6", or "none".
func (f Features) String() string {
	names := []string{"csum", "tso4", "tso6", "ecn", "uso"}
	var s []string
	for i, name := range names {
		if f&(1<<i) != 0 {
			s = append(s, name)
		}
	}
	if rest := f &^ FeaturesAll; rest != 0 {
		s = append(s, fmt.Sprintf("%#x", uint8(rest)))
	}
	if s == nil {
		return "none"
	}
	return strings.Join(s, ",")
}
