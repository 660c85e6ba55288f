package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/ipvl/ipvl/nsutil/rtnl"
)

// Init must be the first call of main, or of TestMain: in a process started
// by Command it does its part, and does not return. Elsewhere it returns at once.
func Init() {
	if len(os.Args) < 4 || os.Args[0] != argv0 {
		return
	}
	var o Options
	err := json.Unmarshal([]byte(os.Args[2]), &o)
	argv := os.Args[3:]
	switch {
	case err != nil:
	case os.Args[1] == stageUser:
		os.Exit(asUser(o, argv))
	case os.Args[1] == stageEnter:
		err = enter(o, argv)
	}
	fmt.Fprintln(os.Stderr, "sandbox:", err)
	os.Exit(127)
}

// Run starts cmd, which Command made, and waits for it. It holds the thread
// meanwhile, because the command is killed when the thread that started it ends.
func Run(cmd *exec.Cmd) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	return cmd.Run()
}

// asUser runs the rest as who it is by now, hands signals on, and returns the
// exit code.
func asUser(o Options, argv []string) int {
	runtime.LockOSThread()
	cmd, err := entering(o, argv)
	if err != nil {
		return exitCode(err)
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	if err := cmd.Start(); err != nil {
		return exitCode(fmt.Errorf("make user, network and mount namespaces: %w", err))
	}
	go func() {
		for s := range signals {
			_ = cmd.Process.Signal(s)
		}
	}()
	return exitCode(cmd.Wait())
}

// enter makes the inside ready and becomes the command.
func enter(o Options, argv []string) error {
	if err := mounts(o); err != nil {
		return err
	}
	if err := loopback(); err != nil {
		return fmt.Errorf("bring lo up: %w", err)
	}
	path, env := argv[0], inherit(o.kind())
	if path == "" {
		path, argv[0] = "/proc/self/exe", "self"
	}
	path, err := exec.LookPath(path)
	if err != nil {
		return err
	}
	return fmt.Errorf("execute %s: %w", path, syscall.Exec(path, argv, env))
}

// mounts makes /run ours, so that "ip netns add" works. Fresh /proc and /sys
// show the new namespaces; some containers forbid them, and little needs them.
func mounts(o Options) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make the mounts private: %w", err)
	}
	if err := unix.Mount("tmpfs", "/run", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755"); err != nil {
		return fmt.Errorf("mount a tmpfs on /run: %w", err)
	}
	if err := os.Mkdir("/run/netns", 0o755); err != nil {
		return err
	}
	_ = unix.Mount("sysfs", "/sys", "sysfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "")
	if o.PID {
		_ = unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "")
	}
	return nil
}

// loopback brings lo, which every network namespace has as interface 1, up.
func loopback() error {
	c, err := rtnl.Dial()
	if err != nil {
		return err
	}
	defer c.Close()
	return c.Do(unix.RTM_NEWLINK, 0, rtnl.LinkHeader(1, unix.IFF_UP, unix.IFF_UP).Bytes())
}

// exitCode is what a shell makes of how a command ended.
func exitCode(err error) int {
	if err == nil {
		return 0
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		fmt.Fprintln(os.Stderr, "sandbox:", err)
		return 127
	}
	if ws, ok := exit.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return exit.ExitCode()
}

// inherit returns the environment of the command: without what points below
// the /run that it does not see.
func inherit(kind string) []string {
	var env []string
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "XDG_RUNTIME_DIR=") && !strings.HasPrefix(e, insideEnv+"=") {
			env = append(env, e)
		}
	}
	return append(env, insideEnv+"="+kind)
}
