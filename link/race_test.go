//go:build race

package link_test

// allocsAtMost is what a frame may cost on average: under the race detector a
// sync.Pool forgets, at random, a quarter of what it is given.
const allocsAtMost = 1
