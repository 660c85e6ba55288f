package conformance

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// record is what a run saw, by case.
type record struct {
	Kernel string                 `json:"kernel"`
	Cases  map[string]observation `json:"cases"`
}

// readRecord reads a record.
func readRecord(path string) (*record, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r := &record{}
	return r, json.Unmarshal(b, r)
}

// write writes what a record has of some cases, one a line, in their order.
func (r *record) write(path string, cases []testCase) error {
	var lines []string
	for _, c := range cases {
		if r.Cases[c.key] == nil {
			continue
		}
		key, _ := json.Marshal(c.key)
		o, err := json.Marshal(r.Cases[c.key])
		if err != nil {
			return err
		}
		lines = append(lines, unescape(key)+": "+unescape(o))
	}
	text := fmt.Sprintf("{\"kernel\": %q, \"cases\": {\n%s\n}}\n", r.Kernel, strings.Join(lines, ",\n"))
	return os.WriteFile(path, []byte(text), 0o644)
}

// unescape undoes what json does for HTML's sake.
func unescape(b []byte) string {
	return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(b))
}
