package cmd

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// setHelp makes help look as docker compose's does.
func setHelp(root *cobra.Command) {
	root.SetHelpFunc(func(c *cobra.Command, _ []string) { writeHelp(c.OutOrStdout(), c) })
	root.SetUsageFunc(func(c *cobra.Command) error {
		writeHelp(c.ErrOrStderr(), c)
		return nil
	})
}

// refuseUnknownTopics makes `help` fail for what is no command, as that would.
func refuseUnknownTopics(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	help, _, err := root.Find([]string{"help"})
	if err != nil {
		return
	}
	show := help.Run
	help.Run, help.RunE = nil, func(c *cobra.Command, args []string) error {
		if of, rest, err := root.Find(args); err == nil && len(rest) > 0 && of.HasSubCommands() {
			return knownCommand(of, rest)
		}
		show(c, args)
		return nil
	}
}

func writeHelp(w io.Writer, c *cobra.Command) {
	fmt.Fprintf(w, "Usage:  %s\n\n%s\n", c.UseLine(), cmp.Or(c.Long, c.Short))
	if len(c.Aliases) > 0 {
		fmt.Fprintf(w, "\nAliases:\n  %s\n", strings.Join(c.Aliases, ", "))
	}
	if flags := allFlags(c); flags.HasAvailableFlags() {
		fmt.Fprintf(w, "\nOptions:\n%s", flags.FlagUsages())
	}
	if c.HasAvailableSubCommands() {
		writeSubCommands(w, c)
	}
	if lines := exampleLines(c); len(lines) > 0 {
		fmt.Fprintf(w, "\nExamples:\n  %s\n", strings.Join(lines, "\n  "))
	}
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(w, "\nRun '%s COMMAND --help' for more information on a command.\n", c.CommandPath())
	}
}

func writeSubCommands(w io.Writer, c *cobra.Command) {
	fmt.Fprint(w, "\nCommands:\n")
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			fmt.Fprintf(w, "  %-*s %s\n", sub.NamePadding(), sub.Name(), sub.Short)
		}
	}
}

// allFlags returns the flags that may stand after c's name, but for --help,
// which goes without saying.
func allFlags(c *cobra.Command) *pflag.FlagSet {
	out := pflag.NewFlagSet(c.Name(), pflag.ContinueOnError)
	for _, set := range []*pflag.FlagSet{c.LocalFlags(), c.InheritedFlags()} {
		set.VisitAll(func(f *pflag.Flag) {
			if f.Name != "help" {
				out.AddFlag(f)
			}
		})
	}
	return out
}

// quietUseLines keeps "[flags]" from being added to lines that say [OPTIONS].
func quietUseLines(c *cobra.Command) {
	c.DisableFlagsInUseLine = true
	for _, sub := range c.Commands() {
		quietUseLines(sub)
	}
}
