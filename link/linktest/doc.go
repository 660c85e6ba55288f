// Package linktest helps to test what is built on package link: builders of
// frames (Frame, IPv4, IPv6, UDP4, ARP, …), a Port that records what is written to it,
// a pair of Ethernet endpoints that stands for a cable, and checkers that read as a
// sentence.
//
// Builders return finished bytes: lengths and checksums are right. A test that
// wants a malformed frame breaks the bytes afterwards. Frame puts the 10 bytes
// of virtio-net header in front, which makes the byte form that package link
// speaks of.
//
// The package imports nothing of link but vnet, so that link's own tests can
// use it.
package linktest
