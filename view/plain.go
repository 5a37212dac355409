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
	line := fmt.Sprintln(prefix, u.id, u.text, oneLine(u.details))
	if p.shown[u.id] == line {
		return // bytes went by
	}
	p.shown[u.id] = line
	_, _ = p.out.Write([]byte(line)) // kept in out
}

func (p *plain) end() error { return p.out.err }
