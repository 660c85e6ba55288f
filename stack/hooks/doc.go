// Package hooks is the netfilter of the default namespace as far as devices in
// mode l3s meet it.
package hooks
