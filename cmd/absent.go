package cmd

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

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
		{"attach", "use `gocompose logs -f`"},
		{"bridge", ""},
		{"build", "build the image with another tool and bring it in with `gocompose image load`"},
		{"commit", ""},
		{"cp", "use a bind mount or a volume"},
		{"events", ""},
		{"exec", ""},
		{"export", ""},
		{"images", "use `gocompose config --images` or `gocompose image ls`"},
		{"ls", ""},
		{"port", "use `gocompose ps`"},
		{"publish", ""},
		{"pull", "use `gocompose image pull IMAGE`; `up` pulls what is missing"},
		{"push", ""},
		{"run", ""},
		{"stats", ""},
		{"top", ""},
		{"volumes", "use `gocompose config --volumes`"},
		{"watch", ""},
	}
}

// absentFlags are the flags of docker compose's commands that gocompose's
// commands of the same names have not, with what to do instead. The empty name
// is that of the flags before the command.
func absentFlags() map[string]map[string]string {
	const build = "images are not built"
	return map[string]map[string]string{
		"": {"verbose": "`gocompose plan` shows what a command does"},
		"up": {
			"build":       build,
			"quiet-build": build,
			"menu":        "there are no keys but Ctrl-C; use `gocompose up -d`, then `gocompose logs -f`, which may be left and taken up again",
			"watch":       "files are not watched",
		},
		"create": {"build": build},
		"down":   {"rmi": "use `gocompose image rm`"},
		"config": {
			"lock-image-digests":    "tags are not looked up",
			"resolve-image-digests": "tags are not looked up",
			"models":                "models are not supported",
		},
	}
}

// knownCommand refuses arguments where a command is wanted.
func knownCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	for _, absent := range absentCommands() {
		if c.HasParent() || absent.name != args[0] {
			continue
		}
		text := fmt.Sprintf("docker compose's command %q is not supported yet", absent.name)
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
	command := ""
	if c.HasParent() {
		command = c.Name()
	}
	name := unknown.GetSpecifiedName()
	if command == "up" && name == "w" {
		name = "watch"
	}
	if instead, ok := absentFlags()[command][name]; ok {
		return usage("docker compose's flag --%s is not supported yet: %s", name, instead)
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
