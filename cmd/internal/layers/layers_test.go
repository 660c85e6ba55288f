package layers

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/ipvl/ipvl"

// rule forbids imports to a package and, if deep, to those below it.
type rule struct {
	pkg    string
	deep   bool
	forbid []ban
}

// ban is an import, and why not. "x/…" means x and all below it.
type ban struct{ path, why string }

const gvisor = "gvisor.dev/gvisor/…"

func rules() []rule {
	netlinkBan := ban{"github.com/vishvananda/netlink/…", "the data path is told, it does not ask the kernel"}
	return []rule{
		{"link", false, []ban{
			{"os", "the data path is pure: it gets ports and values"},
			{"net", "addresses are net/netip values; sockets are for link/packet"},
			{"syscall", "the data path is pure"},
			{"golang.org/x/sys/…", "the data path is pure"},
			netlinkBan,
			{module + "/stack/…", "what link needs of the router is an interface of its own"},
			{module + "/nsutil/…", "the data path knows no namespace"},
			{module + "/cmd/…", "state flows one way"},
			{module + "/link/tap", "ports come from outside"},
			{module + "/link/packet", "ports come from outside"},
		}},
		{"link/vnet", false, []ban{
			{"os", "bytes in, bytes out"}, {"syscall", "bytes in, bytes out"}, {"golang.org/x/sys/…", "bytes in, bytes out"},
		}},
		{"link/tap", true, portBans(netlinkBan)},
		{"link/packet", true, portBans(netlinkBan)},
		{"link/rawip", true, portBans(netlinkBan)},
		{"stack", false, []ban{
			{module + "/link/…", "the router is below the seam; the appliance joins the two"},
			{module + "/nsutil/…", "the mirror is given snapshots"},
			{"golang.org/x/sys/…", "the router is pure"}, netlinkBan,
		}},
		{"stack/fib", true, []ban{
			{gvisor, "values and look-up only"}, {"os", "values only"}, {"syscall", "values only"}, {"net", "net/netip only"},
			{"golang.org/x/sys/…", "values only"}, netlinkBan,
		}},
		{"stack/rules", true, []ban{
			{gvisor, "values only"}, {"os", "values only"}, {"syscall", "values only"}, {"net", "net/netip only"},
			{"golang.org/x/sys/…", "values only"}, netlinkBan,
		}},
		{"stack/hooks", true, []ban{
			{module + "/link/…", "it sees frames as bytes; the appliance joins the two"},
			{module + "/nsutil/…", "it is given rules"},
			{"golang.org/x/sys/…", "the hooks are pure"}, netlinkBan,
		}},
		{"nsutil", true, []ban{
			{gvisor, "namespaces and interfaces need no netstack"},
			{module + "/link/…", "it hands over descriptors"},
			{module + "/stack", "it hands over values of stack/fib"},
		}},
		// Not cmd/ipvl-bench, which measures netstacks.
		{"cmd/ipvl", true, []ban{netstackBan()}},
		{"cmd/ipvl-demo", true, []ban{netstackBan()}},
		{"cmd/internal", true, []ban{netstackBan()}},
		{"e2e", true, []ban{
			{module + "/link/…", "it drives the binary that ships"},
			{module + "/stack/…", "it drives the binary that ships"},
		}},
	}
}

func netstackBan() ban {
	return ban{"gvisor.dev/gvisor/pkg/tcpip/stack", "control speaks to link and stack, not to the netstack"}
}

func portBans(netlinkBan ban) []ban {
	return []ban{
		netlinkBan,
		{module + "/stack/…", "a port moves bytes"},
		{module + "/nsutil/…", "a port gets its descriptor"},
		{module + "/cmd/…", "state flows one way"},
	}
}

func (b ban) covers(path string) bool {
	root, deep := strings.CutSuffix(b.path, "/…")
	return path == root || deep && strings.HasPrefix(path, root+"/")
}

func (r rule) covers(pkg string) bool {
	own := module + "/" + r.pkg
	return pkg == own || r.deep && strings.HasPrefix(pkg, own+"/")
}

func TestImportsKeepToTheLayers(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", module+"/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for dec := json.NewDecoder(bytes.NewReader(out)); ; seen++ {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		for _, v := range violations(p.ImportPath, p.Imports) {
			t.Error(v)
		}
	}
	if seen < 10 {
		t.Errorf("only %d packages were looked at", seen)
	}
}

// violations lists the imports of pkg that its layer forbids, with the reason.
func violations(pkg string, imports []string) []string {
	var out []string
	for _, r := range rules() {
		if !r.covers(pkg) {
			continue
		}
		for _, path := range imports {
			for _, b := range r.forbid {
				if b.covers(path) {
					out = append(out, pkg+" imports "+path+": "+b.why)
				}
			}
		}
	}
	return out
}

func TestViolationsAreSeen(t *testing.T) {
	for pkg, path := range map[string]string{
		"link": "os", "stack": module + "/link", "nsutil/rtnl": "gvisor.dev/gvisor/pkg/tcpip", "cmd/ipvl": "gvisor.dev/gvisor/pkg/tcpip/stack",
		"stack/fib": "net", "link/tap": "github.com/vishvananda/netlink", "e2e": module + "/link/vnet",
	} {
		if len(violations(module+"/"+pkg, []string{path})) != 1 {
			t.Errorf("%s may import %s", pkg, path)
		}
	}
	if v := violations(module+"/link", []string{module + "/link/vnet", "net/netip"}); v != nil {
		t.Error(v)
	}
}
