package cmd

import (
	"strings"

	"github.com/spf13/cobra"
)

// examples are those of commands which bring none themselves.
func examples() map[string]string {
	return map[string]string{
		"": `gocompose up -d
gocompose -f compose.yaml -f production.yaml plan
gocompose -p shop ps`,
		"create": `gocompose create
gocompose create --scale worker=3 worker`,
		"logs": `gocompose logs -f --tail 20
gocompose logs --since 10m --no-log-prefix web`,
		"pause": `gocompose pause
gocompose pause worker`,
		"unpause": "gocompose unpause worker",
		"plan": `gocompose plan
gocompose plan --exit-code || echo there is something to do
gocompose plan --format dot | dot -Tsvg >plan.svg`,
		"ps": `gocompose ps
gocompose ps -a --status exited --format '{{.Name}}: {{.ExitCode}}'
gocompose ps --format json`,
		"start": `gocompose start
gocompose start --wait --wait-timeout 60 db`,
		"stop": `gocompose stop
gocompose stop -t 30 db`,
		"system install":   "gocompose system install",
		"system start":     "gocompose system start",
		"system status":    "gocompose system status --format json",
		"system stop":      "gocompose system stop --containers",
		"system uninstall": "gocompose system uninstall",
		"up": `gocompose up -d --wait
gocompose up --exit-code-from tests --no-log-prefix tests
gocompose up -d --scale worker=3 --remove-orphans`,
		"version": `gocompose version
gocompose version --short`,
		"volumes": `gocompose volumes
gocompose volumes -q db`,
	}
}

// addExamples gives the commands their examples.
func addExamples(c *cobra.Command, all map[string]string) {
	if c.Example == "" {
		c.Example = all[pathOf(c)]
	}
	for _, sub := range c.Commands() {
		addExamples(sub, all)
	}
}

// exampleLines returns the lines of a command's example, without the space before
// them.
func exampleLines(c *cobra.Command) []string {
	var all []string
	for line := range strings.Lines(c.Example) {
		if line = strings.TrimSpace(line); line != "" {
			all = append(all, line)
		}
	}
	return all
}
