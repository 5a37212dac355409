package cmd

import (
	"slices"
	"strings"
	"testing"
)

// onlyLooking are the commands that change nothing, with --dry-run or without: those
// that write no more than their output.
func onlyLooking() []string {
	return []string{
		"", "ps", "ls", "images", "port", "inspect", "logs", "plan", "graph", "alpha viz", "top", "stats", "events", "volumes", "version",
		"container ls", "container inspect", "container logs", "image ls", "image inspect", "image history",
		"network ls", "network inspect", "volume ls", "volume inspect",
		"system status", "system df", "system info", "builder du", "completion", "man",
		"builder", "container", "image", "network", "volume", "system", "alpha", // they print their help
		"supervisor", // started by others
	}
}

// Every command that changes anything is called with --dry-run in a script, which
// shows that it changes nothing then: it tells what it would do, or refuses.
func TestEveryChangingCommandHasADryRunInAScript(t *testing.T) {
	root := (&app{}).root()
	tried := map[string]bool{}
	for _, line := range scriptLines(t) {
		for _, args := range invocations(line) {
			i, _ := parseInvocation(root, args)
			for _, f := range i.flags {
				if f.Name == "dry-run" {
					tried[strings.TrimSpace(pathOf(i.command))] = true
				}
			}
		}
	}
	for c := range below(root) {
		name := strings.TrimSpace(pathOf(c))
		if !tried[name] && c.Runnable() && !slices.Contains(onlyLooking(), name) {
			t.Errorf("no script calls %s with --dry-run", name)
		}
	}
	for _, name := range onlyLooking() {
		if c, _, err := root.Find(strings.Fields(name)); err != nil || strings.TrimSpace(pathOf(c)) != name {
			t.Errorf("there is no command %q", name)
		}
	}
}
