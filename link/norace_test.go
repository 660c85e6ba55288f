//go:build !race

package link_test

// allocsAtMost is what a frame may cost on average.
const allocsAtMost = 0
