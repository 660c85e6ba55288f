// Package rtnl reads and writes rtnetlink messages.
package rtnl
