// Package fib holds routes and rules as values and looks destinations up.
package fib
