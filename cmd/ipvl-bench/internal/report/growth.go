package report

// Growth is how costs grow with the number of devices.
type Growth struct {
	Sizes []Size `json:"sizes"`
	// Lines are figures of other kinds, in words, each with its bar.
	Lines []Line `json:"lines,omitempty"`
	// Benchmarks is what "go test -bench" printed of the FIB.
	Benchmarks []string `json:"benchmarks,omitempty"`
}

// Size is one master with so many devices.
type Size struct {
	Devices   int `json:"devices"`
	Addresses int `json:"addresses"`
	// PPS is small packets a second between two devices, one for each round.
	PPS Samples `json:"pps"`
	// Add and Del are milliseconds that adding and deleting one more device took,
	// as the API answers; CLIAdd and CLIDel as a command does, with its process.
	Add    Samples `json:"add_ms"`
	Del    Samples `json:"del_ms"`
	CLIAdd Samples `json:"cli_add_ms,omitempty"`
	CLIDel Samples `json:"cli_del_ms,omitempty"`
	// BareAdd is what the kernel alone takes to make a TAP and move it to a
	// namespace, BareDel to free it again; none where there are no TAPs.
	BareAdd Samples `json:"bare_add_ms,omitempty"`
	BareDel Samples `json:"bare_del_ms,omitempty"`
	// ResidentMiB is of the idle appliance, CPU its percent of one core when idle.
	ResidentMiB float64 `json:"resident_mib"`
	IdleCPU     float64 `json:"idle_cpu_percent"`
	// Threads are those of the idle appliance.
	Threads int `json:"threads"`
}

// Line is one figure with its bar.
type Line struct {
	What string `json:"what"`
	Text string `json:"text"`
	// Bar is what it has to be, "" where there is none; OK whether it is.
	Bar string `json:"bar,omitempty"`
	OK  bool   `json:"ok,omitempty"`
}
