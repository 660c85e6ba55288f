package grammar

// Usage is the text for a request for help, with its last newline.
func Usage(h Help) string {
	switch {
	case h.Kind != "":
		return usageKind
	case h.Object == "link":
		return usageLink
	case h.Object == "address":
		return usageAddress
	case h.Object == "route":
		return usageRoute
	case h.Object == "neigh":
		return usageNeigh
	case h.Object == "monitor":
		return usageMonitor
	case h.Object == "filter":
		return usageFilter + usageMatch
	case h.Object == "nat":
		return usageNAT + usageMatch
	}
	return usageTop + "\n"
}

const usageTop = `Usage: ipvl [ OPTIONS ] OBJECT { COMMAND | help }
       ipvl serve [ --help ]
where  OBJECT := { link | address | route | neighbour | monitor | filter |
                   nat | help }
       OPTIONS := { -V[ersion] | -s[tatistics] | -d[etails] | -o[neline] |
                    -h[uman-readable] | -iec | -N[umeric] | -br[ief] |
                    -j[son] | -p[retty] | -t[imestamp] | -ts[hort] |
                    -f[amily] { inet | inet6 } | -4 | -6 |
                    -n[etns] { NAME | PID | PATH } | -S PATH }`

// usageKind is ip's own text, and after it what ip(8) does not have.
const usageKind = `Usage: ... ipvlan [ mode MODE ] [ FLAGS ]

MODE: l3 | l3s | l2
FLAGS: bridge | private | vepa
(first values are the defaults if nothing is specified).
With ipvl also: [ lookup LOOKUP ] [ proxy SWITCH ] [ announce SWITCH ] [ guard SWITCH ]
		[ host SWITCH ] [ isolate SWITCH ] [ allow { any | PREFIX ... } ]
LOOKUP: kernel | full
SWITCH: off | on
`

const usageLink = `Usage: ipvl link add link DEV [ name ] NAME
		    [ txqueuelen PACKETS ]
		    [ address LLADDR ]
		    [ broadcast LLADDR ]
		    [ mtu MTU ] [ index IDX ]
		    [ numtxqueues QUEUE_COUNT ]
		    [ numrxqueues QUEUE_COUNT ]
		    [ netns { NAME | PID | PATH } ] [ up ]
		    type ipvlan [ ARGS ]

	ipvl link delete { DEVICE | dev DEVICE } [ type ipvlan ]

	ipvl link set { DEVICE | dev DEVICE } [ { up | down } ]
		[ type ipvlan [ ARGS ] ]
		[ arp { on | off } ]
		[ multicast { on | off } ]
		[ allmulticast { on | off } ]
		[ promisc { on | off } ]
		[ txqueuelen PACKETS ]
		[ name NEWNAME ]
		[ address LLADDR ]
		[ mtu MTU ]
		[ netns { NAME | PID | PATH } ]
		[ alias NAME ]
		[ master DEVICE ] [ vrf NAME ]
		[ nomaster ]
		[ addrgenmode { eui64 | none | stable_secret | random } ]

	ipvl link show [ DEVICE | group GROUP ] [ up ] [ master DEV ] [ vrf NAME ]
		[ type TYPE ] [ nomaster ]

	ipvl link help [ ipvlan ]
`

const usageAddress = `Usage: ipvl address [ show [ dev IFNAME ] [ scope SCOPE-ID ] [ master DEVICE ]
                         [ nomaster ] [ type TYPE ] [ to PREFIX ] [ FLAG-LIST ]
                         [ label LABEL ] [ group GROUP ] [ up ] ]
SCOPE-ID := [ host | link | global | NUMBER ]
FLAG-LIST := [ FLAG-LIST ] FLAG
FLAG := [ permanent | dynamic | secondary | primary |
          [-]tentative | [-]deprecated | [-]dadfailed | temporary |
          home | nodad | mngtmpaddr | noprefixroute | autojoin ]
Addresses are set with ip(8) on the device's interface; ipvl follows them.
`

const usageRoute = `Usage: ipvl route { show | list } SELECTOR
       ipvl route get ADDRESS [ from ADDRESS ] [ tos TOS ] [ mark NUMBER ] [ oif DEVICE ]
SELECTOR := [ root PREFIX ] [ match PREFIX ] [ exact PREFIX ] [ table TABLE_ID ]
            [ dev DEVICE ] [ proto RTPROTO ] [ type TYPE ] [ scope SCOPE ]
            [ via [ inet | inet6 ] PREFIX ] [ src PREFIX ] [ tos TOS ] [ metric NUMBER ]
TABLE_ID := [ local | main | default | all | NUMBER ]
Routes are those of the namespace that ipvl serve runs in; ip(8) changes them there.
`

const usageNeigh = `Usage: ipvl neigh show [ to PREFIX ] [ dev DEV ] [ nud STATE ]
STATE := { delay | failed | incomplete | noarp | none |
           permanent | probe | reachable | stale | all }
`

const usageMonitor = `Usage: ipvl monitor [ all | OBJECTS ] [ label ] [ dev DEVICE ]
OBJECTS := address | link | neigh | route
`

const usageFilter = `Usage: ipvl filter [ show [ CHAIN ] ]
       ipvl filter add CHAIN MATCH ACTION
       ipvl filter insert CHAIN [ NUMBER ] MATCH ACTION
       ipvl filter delete CHAIN { NUMBER | MATCH ACTION }
       ipvl filter flush [ CHAIN ]
       ipvl filter policy CHAIN { accept | drop }
CHAIN := { input | output }
ACTION := { accept | drop }
`

const usageNAT = `Usage: ipvl nat [ show [ CHAIN ] ]
       ipvl nat add CHAIN MATCH ACTION
       ipvl nat insert CHAIN [ NUMBER ] MATCH ACTION
       ipvl nat delete CHAIN { NUMBER | MATCH ACTION }
       ipvl nat flush [ CHAIN ]
CHAIN := { prerouting | input | output | postrouting }
ACTION := { accept | masquerade | snat to ADDR[:PORTS] | dnat to ADDR[:PORTS] }
          dnat is for prerouting and output, snat for postrouting and input,
          masquerade for postrouting; an IPv6 ADDR with PORTS is [ADDR]:PORTS
`

const usageMatch = `MATCH := [ family { inet | inet6 } ] [ dev MASTER ]
         [ from [ not ] PREFIX ] [ to [ not ] PREFIX ]
         [ proto PROTO ] [ sport PORTS ] [ dport PORTS ]
         [ state STATE[,STATE...] ]
PORTS := NUMBER | NUMBER-NUMBER
STATE := { new | established | related | invalid }
The rules are for devices of masters in mode l3s.
`
