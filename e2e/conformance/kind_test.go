package conformance

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/ipvl/ipvl/e2e/internal/seccomp"
	"github.com/ipvl/ipvl/nsutil/sandbox"
)

const (
	// envPlain tells a worker that io_uring is to be forbidden to the binary.
	envPlain = "IPVL_CONFORMANCE_PLAIN"
	// envSample tells a worker to do a sample of the cases.
	envSample = "IPVL_CONFORMANCE_SAMPLE"
)

// kind is a way to run the binary.
type kind struct {
	root   bool // as root with TAPs, not as an ordinary user with veth pairs
	plain  bool // under a seccomp filter that forbids io_uring, as in containers
	sample bool // a sample of the cases
}

// kinds are those to run: as root with TAPs, where that can be, and as an ordinary
// user, and each without io_uring, too. If not all are asked for, it is the first of
// them, and a sample without io_uring.
func kinds() []kind {
	var all []kind
	// TAPs need /dev/net/tun, which is root's on some machines, and not in every container.
	if tun, err := os.OpenFile("/dev/net/tun", os.O_RDWR, 0); err == nil && os.Geteuid() == 0 {
		tun.Close()
		all = append(all, kind{root: true})
	}
	all = append(all, kind{})
	if !*allFlag {
		all = all[:1]
	}
	if seccomp.IOURing() == nil { // else all of that is without
		for _, k := range all {
			k.plain, k.sample = true, !*allFlag
			all = append(all, k)
		}
	}
	return all
}

// thisKind is that of this worker.
func thisKind() kind {
	return kind{root: sandbox.Kind() == sandbox.KindRoot, plain: os.Getenv(envPlain) != "", sample: os.Getenv(envSample) != ""}
}

// env is what makes a worker one of this kind.
func (k kind) env() (env []string) {
	if k.plain {
		env = append(env, envPlain+"=1")
	}
	if k.sample {
		env = append(env, envSample+"=1")
	}
	return env
}

func (k kind) options() sandbox.Options { return sandbox.Options{PID: true, Root: k.root} }

// backend is how the binary makes devices.
func (k kind) backend() string {
	if k.root {
		return "tap"
	}
	return "veth"
}

func (k kind) String() string {
	if k.plain {
		return k.backend() + ", no io_uring"
	}
	return k.backend()
}

// io is how devices have to be read and written, as ipvl -d link tells it.
func (k kind) io() string {
	if seccomp.Ringed(k.backend()) {
		return "uring"
	}
	return "plain"
}

// confine forbids io_uring to this worker and the binary, where its kind is that.
func (k kind) confine() error {
	if !k.plain {
		return nil
	}
	return seccomp.ForbidIOURing(unix.ENOSYS) // as Podman's default profile does
}

// checkIO looks at how the devices of a world are read and written.
func (l *lab) checkIO(k kind, w world) error {
	if err := l.fresh(w); err != nil {
		return err
	}
	if k.plain && seccomp.IOURing() == nil {
		return fmt.Errorf("io_uring is permitted in a run without")
	}
	out, err := output("host", append(l.engine.program(), "-n", "na", "-d", "link", "show", "va")...)
	if want := " backend " + k.backend() + " io " + k.io() + " "; err == nil && !strings.Contains(string(out), want) {
		return fmt.Errorf("want %q in\n%s", want, out)
	}
	return err
}

// sample is every case with a burst, which fills a batch, and each eighth of the others.
func sample(cases []testCase) (some []testCase) {
	for i, c := range cases {
		if i%8 == 0 || c.bursts() {
			some = append(some, c)
		}
	}
	return some
}
