package view

import (
	"encoding/json"
	"io"
)

// message is one line of docker compose's progress in JSON.
type message struct {
	DryRun   bool   `json:"dry-run,omitempty"`
	Tail     bool   `json:"tail,omitempty"`
	ID       string `json:"id,omitempty"`
	ParentID string `json:"parent_id,omitempty"`
	Status   string `json:"status,omitempty"`
	Text     string `json:"text,omitempty"`
	Details  string `json:"details,omitempty"`
	Current  int64  `json:"current,omitempty"`
	Total    int64  `json:"total,omitempty"`
	Percent  int    `json:"percent,omitempty"`
}

// jsonLines shows each change of state, and bytes as they go by, as one JSON
// object a line.
type jsonLines struct {
	out    *sticky
	dryRun bool
}

func (j *jsonLines) begin(int) {}

func (j *jsonLines) show(u update) {
	if l := u.layer; l.id != "" {
		_ = encode(j.out, message{ // kept in out
			DryRun: j.dryRun, ID: l.id, ParentID: u.id, Status: string(l.status), Text: l.text,
			Current: l.current, Total: l.total, Percent: percent(l.current, l.total),
		})
		return
	}
	m := message{
		DryRun: j.dryRun, ID: u.id, Status: string(u.status), Text: u.text, Details: u.details,
		Current: u.current, Total: u.total, Percent: percent(u.current, u.total),
	}
	_ = encode(j.out, m) // kept in out
}

func (j *jsonLines) end() error { return j.out.err }

// encode writes v in one line, leaving < and & readable.
func encode(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

func percent(current, total int64) int {
	if total <= 0 {
		return 0
	}
	return int(100 * min(float64(current)/float64(total), 1))
}
