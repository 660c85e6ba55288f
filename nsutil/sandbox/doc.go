// Package sandbox runs a command as root of fresh user, network and mount
// namespaces, as an ordinary user of the machine.
package sandbox
