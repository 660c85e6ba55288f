package appliance

import "strconv"

// linkType is ip(8)'s word for ARPHRD_*.
func linkType(t uint16) string {
	words := map[uint16]string{
		1: "ether", 32: "infiniband", 512: "ppp", 768: "ipip", 769: "tunnel6", 772: "loopback", 776: "sit",
		778: "gre", 280: "can", 823: "gre6", 824: "netlink", 65534: "none",
	}
	if w, ok := words[t]; ok {
		return w
	}
	return "[" + strconv.Itoa(int(t)) + "]"
}

// operState is ip(8)'s word for IF_OPER_*.
func operState(s uint8) string {
	words := []string{"UNKNOWN", "NOTPRESENT", "DOWN", "LOWERLAYERDOWN", "TESTING", "DORMANT", "UP"}
	if int(s) < len(words) {
		return words[s]
	}
	return "UNKNOWN"
}

// addrGenMode is ip(8)'s word for IN6_ADDR_GEN_MODE_*; -1 is no IPv6.
func addrGenMode(m int) string {
	words := []string{"eui64", "none", "stable_secret", "random"}
	if m >= 0 && m < len(words) {
		return words[m]
	}
	return ""
}
