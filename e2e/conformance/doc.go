// Package conformance holds tests only.
package conformance
