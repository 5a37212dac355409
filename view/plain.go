package view

import "fmt"

// dryRunPrefix is docker compose's.
const dryRunPrefix = "DRY-RUN MODE - "

// plain shows a line for each change of state, as docker compose does: the
// prefix, the resource, the text and the details with a space between each two,
// whether they are empty or not, because other tools parse it.
type plain struct {
	out    *sticky
	dryRun bool
	shown  map[string]string // the last line of each resource
}

func (p *plain) begin(int) { p.shown = map[string]string{} }

func (p *plain) show(u update) {
	prefix := ""
	if p.dryRun {
		prefix = dryRunPrefix
	}
	id, line := u.id, fmt.Sprintln(prefix, u.id, u.text, oneLine(u.details))
	if l := u.layer; l.id != "" {
		if !l.told() {
			return
		}
		id, line = u.id+" "+l.id, fmt.Sprintln(prefix, l.id, l.text, "")
	}
	if p.shown[id] == line {
		return // bytes went by
	}
	p.shown[id] = line
	_, _ = p.out.Write([]byte(line)) // kept in out
}

func (p *plain) end() error { return p.out.err }
