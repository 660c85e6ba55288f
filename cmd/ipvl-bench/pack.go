package main

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// pack writes programs as tar. One that does not exist is left out if it is
// optional: it is named where it is missed.
func pack(w io.Writer, programs []program) error {
	t := tar.NewWriter(w)
	for _, p := range programs {
		err := packOne(t, p)
		if p.optional && errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("pack %s: %w", p.path, err)
		}
	}
	return t.Close()
}

// program is a file that is needed inside, under a name of its own.
type program struct {
	name, path string
	optional   bool
}

func packOne(t *tar.Writer, p program) error {
	f, err := os.Open(p.path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return errors.New("it is not a file")
	}
	if err := t.WriteHeader(&tar.Header{Name: p.name, Mode: 0o755, Size: info.Size()}); err != nil {
		return err
	}
	_, err = io.Copy(t, f)
	return err
}

// unpack puts the programs into dir.
func unpack(r io.Reader, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for t := tar.NewReader(r); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if h.Name != filepath.Base(h.Name) || strings.HasPrefix(h.Name, ".") {
			return fmt.Errorf("%q is no name of a program", h.Name)
		}
		// A file that is open for writing cannot be executed: it is closed.
		f, err := os.OpenFile(filepath.Join(dir, h.Name), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o755)
		if err != nil {
			return err
		}
		_, err = io.Copy(f, t)
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
}
