package main

import (
	"io"
	"time"
)

// paced reads lines at a rate, from begin on; who reads faster waits.
type paced struct {
	lines []string
	rate  float64 // lines a second
	begin time.Time
	given int
}

// Read implements io.Reader: whole lines, as many as are due. A line longer
// than p is cut off.
func (r *paced) Read(p []byte) (n int, err error) {
	if r.given == len(r.lines) {
		return 0, io.EOF
	}
	// At least 1/100 s of them at once.
	wait := time.Duration(float64(r.given) / r.rate * float64(time.Second))
	time.Sleep(time.Until(r.begin.Add(wait)))
	due := min(r.given+max(1, int(r.rate/100)), len(r.lines))
	for r.given < due && (n == 0 || n+len(r.lines[r.given])+1 <= len(p)) {
		n += copy(p[n:], r.lines[r.given]+"\n")
		r.given++
	}
	return n, nil
}
