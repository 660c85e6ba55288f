package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/ipvl/ipvl/nsutil"
)

// rates are measured bits a second, one for each round.
type rates struct {
	device, plain []float64
	carrier       string // what the devices were, in words
}

// measure is one interleaved round: ipvl's devices, then the plain veth pair,
// both from ns0 to ns1.
func (r *rates) measure(ctx context.Context, deviceAddr, plainAddr string) (string, error) {
	from, err := nsutil.Resolve("ns0")
	if err != nil {
		return "", err
	}
	to, err := nsutil.Resolve("ns1")
	if err != nil {
		return "", err
	}
	device, err := tcpRate(ctx, from, to, deviceAddr, roundTime)
	if err != nil {
		return "", err
	}
	plain, err := tcpRate(ctx, from, to, plainAddr, roundTime)
	if err != nil {
		return "", err
	}
	r.device, r.plain = append(r.device, device), append(r.plain, plain)
	return fmt.Sprintf("%.1f Gbit/s device to device, %.1f Gbit/s over the veth pair", device/1e9, plain/1e9), nil
}

// table prints the medians.
func (r *rates) table(p *printer) {
	if len(r.device) == 0 || len(r.plain) == 0 {
		return
	}
	p.heading(fmt.Sprintf("TCP, one stream, medians of %d interleaved rounds of %v", len(r.device), roundTime))
	row := func(name string, v []float64, more string) {
		p.line("%-24s %6.1f Gbit/s  [%.1f - %.1f]%s", name, median(v)/1e9, slices.Min(v)/1e9, slices.Max(v)/1e9, more)
	}
	row("device to device (L2)", r.device, fmt.Sprintf("  %.0f %% of the pair", 100*median(r.device)/median(r.plain)))
	row("plain veth pair", r.plain, "")
	p.line("The devices are %s.", r.carrier)
}

// median returns the middle value, or the mean of the middle two.
func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	n := len(s)
	if n == 0 {
		return 0
	}
	return (s[(n-1)/2] + s[n/2]) / 2
}

// carrier says what a device is made of, and why.
func carrier(ns, name string) (string, error) {
	ref, err := nsutil.Resolve(ns)
	if err != nil {
		return "", err
	}
	links, err := nsutil.Links(ref)
	if err != nil {
		return "", err
	}
	for _, l := range links {
		switch {
		case l.Name != name:
		case l.Kind == "tun":
			return "TAPs: /dev/net/tun can be opened", nil
		case l.Kind == "veth":
			return fmt.Sprintf("veth pairs with packet sockets, as TAPs cannot be had (%v)", nsutil.Probe().Tun), nil
		default:
			return "", fmt.Errorf("%s in %s is of kind %q", name, ns, l.Kind)
		}
	}
	return "", fmt.Errorf("there is no %s in %s", name, ns)
}
