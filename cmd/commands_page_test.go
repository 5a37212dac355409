package cmd

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

var update = flag.Bool("update", false, "write the pages that are made from the code")

const commandsPage = "../docs/commands.md"

const commandsIntro = `# Commands

Commands and flags have docker compose's names and meanings; what differs is said at each command. This page is made from the
command line itself: ` + "`go test ./cmd -update`" + `. [compose-commands.md](compose-commands.md) has a row for each command and flag of
docker compose, also for those that are not here.

Progress goes to standard error, answers to standard output. Exit codes: 0 done, 1 not done, 130 ended by Ctrl-C; ` + "`plan --exit-code`" + `
also has 2 for changes.

Variables are docker compose's, from the environment or the project's ` + "`.env`" + `: see [compose-commands.md](compose-commands.md#variables); and, from
the environment, ` + "`CONTAINERD_ADDRESS`, `GOCOMPOSE_ROOT`, `GOCOMPOSE_STATE`, `GOCOMPOSE_SECRETS` and `GOCOMPOSE_CONFIGS`" + ` ([secrets.md](secrets.md)),
` + "`GOCOMPOSE_CDI_DIRS`" + ` ([resources.md](resources.md)), ` + "`GOCOMPOSE_CERTS_D`" + ` (the folder of hosts.toml files),
` + "`GOCOMPOSE_BUILD_CACHE`" + ` (how much builds may keep) and ` + "`GOCOMPOSE_BUILDER_IDLE`" + ` (for how long nobody has to build for buildkitd to end; 5m).
`

// differences say what a command of the same name does otherwise than docker
// compose's.
func differences() map[string][]string {
	return map[string][]string{
		"gocompose": {
			"A Compose file is loaded only when everything in it is honoured: see [attributes.md](attributes.md).",
			"`--dry-run` is `plan`, shown as progress: nothing is asked of registries.",
			"`--compatibility` and `COMPOSE_COMPATIBILITY` name containers with `_`; containers that are there with other names are replaced.",
			"Of Compose files from elsewhere it is also asked what of the host they use, and no values are shown: see [remote.md](remote.md).",
		},
		"gocompose up": {
			"In the foreground, what containers print is shown while others are still waited for.",
			"`--wait-timeout` counts from the first container that is waited for, and its end is never a success.",
			"Taken names and ports are found before anything starts.",
			"A replacement is created completely before the old container is stopped.",
			"A second `up` of one project waits for the first.",
			"The menu has no entries for Docker Desktop, and is there only where --menu or COMPOSE_MENU ask for it.",
		},
		"gocompose create": {
			"A replacement is created beside the old container, which is then stopped and removed.",
		},
		"gocompose restart": {
			"A container is stopped when what it depends on is ready for it, not before.",
		},
		"gocompose kill": {
			"A named service that does not run is an error.",
		},
		"gocompose rm": {
			"With `--stop` it asks before it stops, not after.",
			"The question is put on standard error.",
		},
		"gocompose wait": {
			"Containers that have ended before count: their exit codes are told at once.",
			"A container that its restart policy starts again has not ended.",
			"`--down-project` waits for all of the services, not for the first.",
		},
		"gocompose top": {
			"`--live` is gocompose's own.",
		},
		"gocompose events": {
			"Attributes come in the order of their names, and no empty lines between events.",
			"The programs of health checks are not told of. See [events.md](events.md).",
		},
		"gocompose stats": {
			"More than one service can be named. IDs are whole, with and without `--no-trunc`.",
			"What is no terminal gets the rows alone, time and again, without control characters; JSON a terminal too.",
		},
		"gocompose cp": {
			"Without `-a` copies belong to root in the container, whoever has the files here.",
			"What is not a file, a folder or a link, such as a device, is not copied out of a container.",
			"Standard input goes to all replicas.",
			"Folders that are there keep their owners and permissions.",
		},
		"gocompose commit": {
			"`HEALTHCHECK` cannot be changed; the Compose file can.",
		},
		"gocompose watch": {
			"What fails is told, and watching goes on.",
			"It ends with 130 when Ctrl-C ends it.",
		},
		"gocompose inspect": {
			"docker compose has no such command.",
		},
		"gocompose ps": {
			"A container without a process has no health.",
			"IDs are `<project>-<service>-<number>.<letters>`.",
		},
		"gocompose images": {
			"A container whose image has lost its name, or is gone, is shown too.",
		},
		"gocompose port": {
			"A port that is only exposed is an error: it is at no port of the host.",
		},
		"gocompose graph": {
			"docker compose has it as `alpha viz`, which works too.",
		},
		"gocompose container inspect": {
			"The form is that of `gocompose inspect`, not docker's.",
		},
		"gocompose container ls": {
			"IDs are `<project>-<service>-<number>.<letters>`.",
		},
		"gocompose container rm": {
			"Containers that `up` has made are made again by the next one.",
		},
		"gocompose logs": {
			"The lines of all containers are merged by time.",
			"`-f` ends when no container is left that runs or is going to.",
		},
		"gocompose network": {
			"`connect` and `disconnect` are not there: containers are on the networks of their Compose file.",
			"`host` and `none` are no networks here, and `bridge` is one while a container uses it: it is made and removed by itself.",
		},
		"gocompose network create": {
			"What a driver does not know is refused, not ignored.",
		},
		"gocompose network inspect": {
			"`Attachable` is true of every network.",
		},
		"gocompose network prune": {
			"It names the networks before it asks, on standard error.",
			"Networks of containers that do not run stay.",
			"It waits for commands that are changing the projects of these networks.",
		},
		"gocompose network rm": {
			"It waits for commands that are changing the projects of these networks.",
		},
		"gocompose config":  {"`--hash` gives other hashes than docker compose's."},
		"gocompose version": {"It says gocompose, and its own version."},
	}
}

func TestThePageOfCommandsIsUpToDate(t *testing.T) {
	a := &app{}
	var b strings.Builder
	b.WriteString(commandsIntro)
	page(&b, a.root())
	upToDate(t, commandsPage, b.String())
}

func page(b *strings.Builder, c *cobra.Command) {
	fmt.Fprintf(b, "\n## %s\n\n    %s\n\n%s\n", c.CommandPath(), c.UseLine(), sentences(cmp.Or(c.Long, c.Short)))
	if lines := exampleLines(c); len(lines) > 0 {
		fmt.Fprintf(b, "\nFor example:\n\n    %s\n", strings.Join(lines, "\n    "))
	}
	if flags := c.LocalFlags(); flags.HasAvailableFlags() {
		fmt.Fprint(b, "\n| flag | default | meaning |\n|---|---|---|\n")
		flags.VisitAll(func(f *pflag.Flag) {
			if !f.Hidden && f.Name != "help" {
				fmt.Fprintf(b, "| %s | %s | %s |\n", spelling(f), defaultOf(f), strings.ReplaceAll(f.Usage, "|", `\|`))
			}
		})
	}
	if different := differences()[c.CommandPath()]; len(different) > 0 {
		fmt.Fprintf(b, "\nOtherwise than %s:\n\n- %s\n", original(c), strings.Join(different, "\n- "))
	}
	if absent := absentFlags()[pathOf(c)]; len(absent) > 0 {
		if ofDocker(c) {
			fmt.Fprint(b, "\n| not there | why |\n|---|---|\n")
		} else {
			fmt.Fprint(b, "\n| not there yet | instead |\n|---|---|\n")
		}
		for _, flag := range slices.Sorted(maps.Keys(absent)) {
			fmt.Fprintf(b, "| `--%s` | %s |\n", flag, absent[flag])
		}
	}
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() && sub.Name() != "help" {
			page(b, sub)
		}
	}
}

// original is the program whose command c is like.
func original(c *cobra.Command) string {
	if ofDocker(c) {
		return "docker"
	}
	return "docker compose"
}

// sentences is text as a paragraph, which ends in a full stop.
func sentences(text string) string { return strings.TrimSuffix(text, ".") + "." }

func spelling(f *pflag.Flag) string {
	out := "`--" + f.Name + "`"
	if f.Shorthand != "" {
		out = "`-" + f.Shorthand + "`, " + out
	}
	return out
}

func defaultOf(f *pflag.Flag) string {
	if slices.Contains([]string{"", "[]", "false", "0"}, f.DefValue) {
		return ""
	}
	return "`" + f.DefValue + "`"
}
