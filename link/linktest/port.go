package linktest

import (
	"errors"
	"testing"
	"time"

	"github.com/ipvl/ipvl/link/vnet"
)

// ErrFull is what a Port returns when nobody takes its frames.
var ErrFull = errors.New("linktest: port is full")

// patience is how long a test waits for a frame that has to come.
const patience = 10 * time.Second

// Port records what is written to it, a copy of each frame.
type Port struct {
	features vnet.Features
	frames   chan []byte
}

// NewPort returns a Port that holds up to 4096 frames and then refuses.
func NewPort(features vnet.Features) *Port {
	return &Port{features: features, frames: make(chan []byte, 4096)}
}

// WriteFrame records one frame.
func (p *Port) WriteFrame(frame []byte) error {
	select {
	case p.frames <- append([]byte(nil), frame...):
		return nil
	default:
		return ErrFull
	}
}

// WriteVec records one frame that comes in pieces.
func (p *Port) WriteVec(pieces [][]byte) error {
	var frame []byte
	for _, piece := range pieces {
		frame = append(frame, piece...)
	}
	return p.WriteFrame(frame)
}

// Features is what the port was made with.
func (p *Port) Features() vnet.Features { return p.features }

// Next waits for a frame and returns it.
func (p *Port) Next(t testing.TB) []byte {
	t.Helper()
	select {
	case f := <-p.frames:
		return f
	case <-time.After(patience):
		t.Fatal("no frame came")
		return nil
	}
}

// Take returns a frame that is there already, or nil.
func (p *Port) Take() []byte {
	select {
	case f := <-p.frames:
		return f
	default:
		return nil
	}
}

// Len is how many frames wait to be taken.
func (p *Port) Len() int { return len(p.frames) }
