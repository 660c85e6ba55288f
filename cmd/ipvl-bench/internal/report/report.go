package report

import (
	"encoding/json"
	"fmt"
	"time"
)

// The families of contenders.
const (
	Ours   = "ipvl"
	Kernel = "kernel"
	Peers  = "peer"
)

// Machine is where it was measured.
type Machine struct {
	CPU    string `json:"cpu"`
	Cores  int    `json:"cores"`
	Kernel string `json:"kernel"`
	Go     string `json:"go"`
	IPVL   string `json:"ipvl"`
	// Devices is what a device of ipvl was: a TAP or a veth pair, and why.
	Devices string `json:"devices"`
	User    string `json:"user"`
	// Busy is how many cores something else kept busy just before the run and
	// just after it.
	Busy [2]float64 `json:"busy_cores"`
}

// Contender is a way from one workload to another, and what was measured on it.
type Contender struct {
	Name   string `json:"name"`
	Title  string `json:"title"`
	Family string `json:"family"`
	// Commands built it, in order, each with its namespace.
	Commands []string `json:"commands,omitempty"`
	// Missing says why it did not take part, and what would mend that.
	Missing string             `json:"missing,omitempty"`
	Values  map[string]Samples `json:"values,omitempty"`
	// Errors are of the last round in which a measure failed.
	Errors map[string]string `json:"errors,omitempty"`
}

// Add notes a value.
func (c *Contender) Add(metric string, v float64) {
	if c.Values == nil {
		c.Values = make(map[string]Samples)
	}
	c.Values[metric] = append(c.Values[metric], v)
}

// Fail notes that a measure failed.
func (c *Contender) Fail(measure string, err error) {
	if c.Errors == nil {
		c.Errors = make(map[string]string)
	}
	c.Errors[measure] = err.Error()
}

// Report is a whole run.
type Report struct {
	Machine  Machine       `json:"machine"`
	Begun    time.Time     `json:"begun"`
	Took     time.Duration `json:"took_ns"`
	Command  string        `json:"command"`
	Rounds   int           `json:"rounds"`
	Seconds  float64       `json:"seconds"`
	Metrics  []Metric      `json:"metrics"`
	Entries  []*Contender  `json:"contenders"`
	Verdicts []Verdict     `json:"verdicts,omitempty"`
	Growth   *Growth       `json:"growth,omitempty"`
}

// Entry finds a contender by name; nil if it is not there.
func (r *Report) Entry(name string) *Contender {
	for _, c := range r.Entries {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// JSON is the report for programs, indented.
func (r *Report) JSON() ([]byte, error) {
	b, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	return append(b, '\n'), nil
}

// Parse reads what JSON wrote.
func Parse(b []byte) (*Report, error) {
	var r Report
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	return &r, nil
}
