package report

// Metric is a column: what is measured, and in what.
type Metric struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	Unit  string `json:"unit"`
	// Lower says that less is better.
	Lower bool `json:"lower_is_better,omitempty"`
}

// The names of the metrics that bars and measures speak of.
const (
	TCP1, TCP1R       = "tcp1", "tcp1r"
	TCP4, TCP4R       = "tcp4", "tcp4r"
	GSO, PPS, Flows   = "gso", "pps", "flows"
	RR1, RR150, RR199 = "rr1", "rr1_p50", "rr1_p99"
	RR, RR50, RR99    = "rr", "rr_p50", "rr_p99"
	Conns, CPU, RSS   = "conns", "cpu", "rss"
)

// Metrics returns all columns in the order in which they are shown.
func Metrics() []Metric {
	return []Metric{
		{TCP1, "TCP 1", "Gbit/s", false},
		{TCP1R, "TCP 1 back", "Gbit/s", false},
		{TCP4, "TCP 4", "Gbit/s", false},
		{TCP4R, "TCP 4 back", "Gbit/s", false},
		{GSO, "UDP GSO", "Gbit/s", false},
		{PPS, "small packets", "1000/s", false},
		{Flows, "of 16 flows", "1000/s", false},
		{RR1, "RR one core", "µs", true},
		{RR150, "p50", "µs", true},
		{RR199, "p99", "µs", true},
		{RR, "RR free", "µs", true},
		{RR50, "p50", "µs", true},
		{RR99, "p99", "µs", true},
		{Conns, "connections", "1/s", false},
		{CPU, "CPU a Gbit", "s", true},
		{RSS, "resident", "MiB", true},
	}
}

// metric finds a column by name.
func metric(name string) Metric {
	for _, m := range Metrics() {
		if m.Name == name {
			return m
		}
	}
	return Metric{Name: name, Title: name}
}
