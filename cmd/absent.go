package cmd

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// absentCommand is a command of docker compose that gocompose has not.
type absentCommand struct {
	name    string
	instead string // what to do; empty: nothing does the same
}

func absentCommands() []absentCommand {
	return []absentCommand{
		{"bridge", ""},
		{"build", "build the image with another tool and bring it in with `gocompose image load`"},
		{"commit", ""},
		{"cp", "use a bind mount or a volume"},
		{"events", ""},
		{"export", ""},
		{"images", "use `gocompose config --images` or `gocompose image ls`"},
		{"ls", ""},
		{"port", "use `gocompose ps`"},
		{"publish", ""},
		{"pull", "use `gocompose image pull IMAGE`; `up` pulls what is missing"},
		{"push", ""},
		{"stats", ""},
		{"top", ""},
		{"watch", ""},
	}
}

// absentNetworkCommands are those of docker network.
func absentNetworkCommands() []absentCommand {
	const why = "containers are on the networks of their Compose file; name it there, and `gocompose up` connects them"
	return []absentCommand{{"connect", why}, {"disconnect", why}}
}

// absentVolumeCommands are those of docker volume.
func absentVolumeCommands() []absentCommand {
	return []absentCommand{{"update", "there is one host, and no swarm of them"}}
}

// absentFlags are the flags of docker compose's commands that gocompose's
// commands of the same names have not, with what to do instead. The empty name
// is that of the flags before the command. Of "network create" and
// "volume create" they are docker's, with the reason.
func absentFlags() map[string]map[string]string {
	const (
		build   = "images are not built"
		oneHost = "there is one host, and no swarm of them"
	)
	return map[string]map[string]string{
		"": {"verbose": "`gocompose plan` shows what a command does"},
		"up": {
			"build":       build,
			"quiet-build": build,
			"menu":        "there are no keys but Ctrl-C; use `gocompose up -d`, then `gocompose logs -f`, which may be left and taken up again",
			"watch":       "files are not watched",
		},
		"create": {"build": build},
		"run":    {"build": build, "quiet-build": build},
		"down":   {"rmi": "use `gocompose image rm`"},
		"config": {
			"lock-image-digests":    "tags are not looked up",
			"resolve-image-digests": "tags are not looked up",
			"models":                "models are not supported",
		},
		"network create": {
			"config-from": oneHost,
			"config-only": oneHost,
			"ingress":     oneHost,
			"scope":       oneHost,
			"ipam-opt":    "addresses are assigned by gocompose itself, which has no options for it",
		},
		"volume create": {
			"availability": oneHost, "group": oneHost, "limit-bytes": oneHost, "required-bytes": oneHost, "scope": oneHost,
			"secret": oneHost, "sharing": oneHost, "topology-preferred": oneHost, "topology-required": oneHost, "type": oneHost,
		},
		"volume ls": {"cluster": oneHost},
	}
}

// knownCommand refuses arguments where a command is wanted.
func knownCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	for _, absent := range absentBelow(c) {
		if absent.name != args[0] {
			continue
		}
		text := absentText(c, fmt.Sprintf("command %q", absent.name))
		if absent.instead != "" {
			text += ": " + absent.instead
		}
		return usage("%s", text)
	}
	text := fmt.Sprintf("unknown command %q for %q", args[0], c.CommandPath())
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		text += fmt.Sprintf("; did you mean %q?", mostAlike(args[0], near))
	}
	return usage("%s", text)
}

func absentBelow(c *cobra.Command) []absentCommand {
	switch pathOf(c) {
	case "":
		return absentCommands()
	case "network":
		return absentNetworkCommands()
	case "volume":
		return absentVolumeCommands()
	}
	return nil
}

// pathOf returns the command's words after the program's: "network create".
func pathOf(c *cobra.Command) string {
	_, path, _ := strings.Cut(c.CommandPath(), " ")
	return path
}

// absentText says that something of the program that c is like is not there.
func absentText(c *cobra.Command, what string) string {
	if ofDocker(c) {
		return "docker's " + what + " is not supported"
	}
	return "docker compose's " + what + " is not supported yet"
}

// ofDocker tells whether the command is like one of docker, not of docker compose.
func ofDocker(c *cobra.Command) bool {
	path := pathOf(c)
	kind, _, _ := strings.Cut(path, " ")
	return kind == "network" || kind == "volume"
}

// mostAlike returns the name that begins most like the word.
func mostAlike(word string, names []string) string {
	alike := func(name string) (n int) {
		for n < min(len(name), len(word)) && name[n] == word[n] {
			n++
		}
		return n
	}
	return slices.MaxFunc(names, func(x, y string) int { return cmp.Compare(alike(x), alike(y)) })
}

// flagError explains what is wrong with a flag.
func flagError(c *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return &usageError{err}
	}
	command := pathOf(c)
	name := unknown.GetSpecifiedName()
	if command == "up" && name == "w" {
		name = "watch"
	}
	if instead, ok := absentFlags()[command][name]; ok {
		return usage("%s: %s", absentText(c, "flag --"+name), instead)
	}
	if g := flagNamed(c.Root().Flags(), name); g != nil && c.HasParent() {
		return usage("%v; --%s goes before the command: gocompose --%s … %s", err, g.Name, g.Name, c.Name())
	}
	return &usageError{err}
}

// flagNamed returns the flag with that name or that letter, or nil.
func flagNamed(flags *pflag.FlagSet, name string) *pflag.Flag {
	if len(name) == 1 {
		return flags.ShorthandLookup(name)
	}
	return flags.Lookup(name)
}
