package appliance

import (
	"github.com/ipvl/ipvl/link"
	"github.com/ipvl/ipvl/stack"
)

// routerAdapter is a stack.Router as package link wants it: the two packages
// do not know each other.
type routerAdapter struct{ r *stack.Router }

// Next implements link.Router.
func (a routerAdapter) Next(q link.Query) link.Hop {
	return linkHop(a.r.Next(stackQuery(q)))
}

func stackQuery(q link.Query) stack.Query {
	return stack.Query{Dst: q.Dst, Src: q.Src, TOS: q.TOS, Proto: q.Proto, Mark: q.Mark, Hash: q.Hash}
}

func linkHop(h stack.Hop) link.Hop {
	verdict := link.HopDrop
	switch h.Verdict {
	case stack.VerdictSend:
		verdict = link.HopSend
	case stack.VerdictWait:
		verdict = link.HopWait
	case stack.VerdictLocal:
		verdict = link.HopLocal
	case stack.VerdictElsewhere:
		verdict = link.HopElsewhere
	case stack.VerdictReject:
		verdict = link.HopReject
	}
	return link.Hop{Verdict: verdict, Dst: h.Dst, Src: h.Src, MTU: h.MTU, NextHop: h.NextHop, Index: h.Index, ICMP: link.ICMPError(h.ICMP)}
}

// Hold implements link.Router. The Router counts what it drops of its queue.
func (a routerAdapter) Hold(h link.Hop, frame []byte) bool {
	a.r.Hold(stack.Hop{Verdict: stack.VerdictWait, Src: h.Src, MTU: h.MTU, NextHop: h.NextHop, Index: h.Index}, frame)
	return true
}
