package conformance

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/ipvl/ipvl/nsutil/sandbox"
)

const (
	// envWork tells this program that it is a worker: the folder with the
	// binary, the claims and the place for what it saw.
	envWork = "IPVL_CONFORMANCE_WORK"
	// workers is how many share the cases of a kind of sandbox: they mostly wait
	// for the kernel to take interfaces down.
	workers = 4
)

// shareRun does cases with the shipped binary, in sandboxes of one kind, and
// returns what they saw.
func shareRun(k kind, dir, filter string) (*record, error) {
	work, err := os.MkdirTemp(dir, "work")
	if err != nil {
		return nil, err
	}
	for _, name := range []string{work, filepath.Join(work, "claims")} {
		if err := errors.Join(os.MkdirAll(name, 0o777), os.Chmod(name, 0o777)); err != nil {
			return nil, err
		}
	}
	type result struct {
		cmd    *exec.Cmd
		output bytes.Buffer
		err    error
	}
	ended := make(chan *result, workers)
	for i := range workers {
		r := &result{}
		r.cmd, err = sandbox.Command(k.options(), filepath.Join(dir, "conformance.test"), filter, strconv.Itoa(i))
		if err != nil {
			return nil, err
		}
		r.cmd.Env = append(append(os.Environ(), envWork+"="+work), k.env()...)
		r.cmd.Stdout, r.cmd.Stderr, r.cmd.Dir = &r.output, &r.output, dir
		go func() {
			r.err = sandbox.Run(r.cmd)
			ended <- r
		}()
	}
	for range workers {
		r := <-ended
		os.Stdout.Write(r.output.Bytes())
		err = errors.Join(err, r.err)
	}
	if err != nil {
		return nil, fmt.Errorf("a worker: %w", err)
	}
	return gather(work)
}

// gather puts together what workers saw.
func gather(dir string) (*record, error) {
	files, err := filepath.Glob(filepath.Join(dir, "saw-*.json"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("no worker has left anything in %s: %w", dir, err)
	}
	all := &record{Cases: map[string]observation{}}
	for _, name := range files {
		r, err := readRecord(name)
		if err != nil {
			return nil, err
		}
		all.Kernel = r.Kernel
		for key, o := range r.Cases {
			all.Cases[key] = o
		}
	}
	return all, nil
}

// workerMain is this program in a sandbox. Its arguments are which cases, and its
// number.
func workerMain() error {
	dir, filter, number, k := os.Getenv(envWork), os.Args[1], os.Args[2], thisKind()
	if err := k.confine(); err != nil {
		return err
	}
	cases, err := loadCases()
	if err != nil {
		return err
	}
	want, err := readRecord(recordFile)
	if err != nil {
		return err
	}
	purposes, err := readPurposes(onPurposeFile, k.backend())
	if err != nil {
		return err
	}
	for key := range purposes {
		delete(want.Cases, key) // no patience for what is not expected to come
	}
	l, err := newLab()
	if err != nil {
		return err
	}
	files, err := os.MkdirTemp("", "ipvl-conformance-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(files)
	a, err := newAppliance(filepath.Join(filepath.Dir(dir), "ipvl"), files, "--backend", k.backend())
	if err != nil {
		return err
	}
	l.engine = a
	saw := &record{Cases: map[string]observation{}}
	if cases = selected(cases, filter); k.sample {
		cases = sample(cases)
	}
	if err := l.checkIO(k, world{"l2", "bridge"}); err != nil {
		return fmt.Errorf("%w\n%s", err, a.logText())
	}
	if err := l.work(plan(cases), filepath.Join(dir, "claims"), want, saw); err != nil {
		return fmt.Errorf("%w\n%s", err, a.logText())
	}
	if err := a.close(); err != nil {
		return fmt.Errorf("%w\n%s", err, a.logText())
	}
	return saw.write(filepath.Join(dir, "saw-"+number+".json"), cases)
}
