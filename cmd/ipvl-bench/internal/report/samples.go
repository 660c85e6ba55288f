package report

import (
	"math"
	"slices"
)

// Samples are the values of one measure, one for each round that gave one.
type Samples []float64

// Median returns the middle value, or the mean of the middle two; 0 of none.
func (s Samples) Median() float64 {
	v := slices.Sorted(slices.Values(s))
	n := len(v)
	if n == 0 {
		return 0
	}
	return (v[(n-1)/2] + v[n/2]) / 2
}

// Quantile returns the value that q of all are not above, for q in 0..1: the
// greatest one where there are few; 0 of none.
func (s Samples) Quantile(q float64) float64 {
	if len(s) == 0 {
		return 0
	}
	v := slices.Sorted(slices.Values(s))
	return v[min(max(int(math.Ceil(q*float64(len(v))))-1, 0), len(v)-1)]
}

// Min returns the least value, 0 of none.
func (s Samples) Min() float64 {
	if len(s) == 0 {
		return 0
	}
	return slices.Min(s)
}

// Max returns the greatest value, 0 of none.
func (s Samples) Max() float64 {
	if len(s) == 0 {
		return 0
	}
	return slices.Max(s)
}

// per divides round by round; nil unless both have the same rounds.
func (s Samples) per(other Samples) Samples {
	if len(s) != len(other) {
		return nil
	}
	var out Samples
	for i := range s {
		if other[i] == 0 {
			return nil
		}
		out = append(out, s[i]/other[i])
	}
	return out
}
