// Package report turns what was measured into what people read: medians with
// their spread, ratios against bars, text tables, JSON, and a chart. All but the
// chart is values in, values out.
//
// # Data flow
//
//	Samples (one a round) ─► Contender.Values ─┐
//	Bars(): who has to reach what ─────────────┴► Judge ─► []Verdict
//	Report ─► WriteText, JSON, WriteSVG
//
// # Ratios
//
// More is better but for CPU: a ratio of latencies is theirs by ours, one of
// CPU ours by theirs, with a bar that must not be passed. A ratio is that of
// medians; its spread is that of the ratios of each round, where there was one opponent.
// Only ratios of one interleaved run mean something.
package report
