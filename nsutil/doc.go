// Package nsutil is everything that ipvl asks of the operating system besides
// moving frames: network namespaces, the interfaces that workloads get,
// listening to and reading rtnetlink, and keeping the host's stack quiet.
package nsutil
