// Package stack is the L3 half of ipvl: Mirror, the default namespace's state,
// and Router, which finds the next hop of what a device sends.
package stack
