package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/ipvl/ipvl/nsutil"
)

// patience bounds each step.
const patience = 15 * time.Second

// Lab is a topology.
type Lab struct {
	// Name begins the names of its namespaces: "NAME.SPACE".
	Name string
	// Dir is a directory of its own.
	Dir string
	// Commands are the lines as they were carried out.
	Commands []string
	spaces   []string
	daemons  []*daemon
}

// New makes the namespaces of a topology below dir.
func New(ctx context.Context, dir, name string, spaces []string) (*Lab, error) {
	l := &Lab{Name: name, Dir: filepath.Join(dir, name), spaces: spaces}
	if err := os.MkdirAll(l.Dir, 0o755); err != nil {
		return nil, err
	}
	for _, s := range spaces {
		if err := command(ctx, "ip", "netns", "add", l.Space(s)); err != nil {
			return nil, err
		}
		for _, line := range []string{": ip link set dev lo up", "= net/ipv6/conf/all/disable_ipv6 1", "= net/ipv6/conf/default/disable_ipv6 1"} {
			if err := l.step(ctx, s+line); err != nil {
				return nil, err
			}
		}
	}
	return l, nil
}

// Space is the name under /run/netns of one of the lab's namespaces.
func (l *Lab) Space(s string) string { return l.Name + "." + s }

// Build carries out lines.
func (l *Lab) Build(ctx context.Context, lines []string) error {
	for _, text := range lines {
		l.Commands = append(l.Commands, l.names().Replace(text))
		if err := l.step(ctx, text); err != nil {
			return fmt.Errorf("%s: %w", text, err)
		}
	}
	return nil
}

func (l *Lab) names() *strings.Replacer {
	pairs := []string{"{dir}", l.Dir}
	for _, s := range l.spaces {
		pairs = append(pairs, "{"+s+"}", l.Space(s))
	}
	return strings.NewReplacer(pairs...)
}

func (l *Lab) step(ctx context.Context, text string) error {
	p, err := parse(text, l.names())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	switch p.kind {
	case wait:
		return waitFor(ctx, p.argv[0])
	case sysctl:
		return l.In(p.space, func() error {
			return os.WriteFile("/proc/sys/"+p.argv[0], []byte(p.argv[1]), 0o644)
		})
	case keep:
		return l.start(ctx, p)
	}
	out, err := l.Output(ctx, p.space, p.argv...)
	if err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}

// waitFor waits until a file is there.
func waitFor(ctx context.Context, path string) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		_, err := os.Stat(path)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s does not come: %w", path, err)
		case <-tick.C:
		}
	}
}

// In runs f in one of the namespaces: sockets that it opens and processes that
// it starts belong there.
func (l *Lab) In(space string, f func() error) error {
	ref, err := nsutil.Resolve(l.Space(space))
	if err != nil {
		return err
	}
	return ref.Do(f)
}

// Command is a command of the topology, not started. IPVL_SOCKET is its own.
func (l *Lab) Command(ctx context.Context, argv ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.WaitDelay = time.Second
	cmd.Env = append(os.Environ(), "IPVL_SOCKET="+l.Socket())
	return cmd
}

// Socket is where the topology's appliance listens.
func (l *Lab) Socket() string { return filepath.Join(l.Dir, "api.sock") }

// Output runs a command in a namespace and returns what it printed.
func (l *Lab) Output(ctx context.Context, space string, argv ...string) (string, error) {
	cmd := l.Command(ctx, argv...)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := l.In(space, cmd.Start); err != nil {
		return "", err
	}
	err := cmd.Wait()
	return out.String(), errors.Join(err, ctx.Err())
}

// Close ends the programs and removes the namespaces.
func (l *Lab) Close() error {
	var errs []error
	for _, d := range l.daemons {
		errs = append(errs, d.end())
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for _, s := range l.spaces {
		errs = append(errs, command(ctx, "ip", "netns", "del", l.Space(s)))
	}
	return errors.Join(append(errs, os.RemoveAll(l.Dir))...)
}

func command(ctx context.Context, argv ...string) error {
	if out, err := exec.CommandContext(ctx, argv[0], argv[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(argv, " "), err, out)
	}
	return nil
}
