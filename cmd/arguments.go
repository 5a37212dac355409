package cmd

import "github.com/spf13/cobra"

func noArgs(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage("%q takes no arguments, got %q", c.CommandPath(), args)
	}
	return nil
}

func exactlyOne(what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != 1 {
			return usage("%q needs one %s, got %d arguments", c.CommandPath(), what, len(args))
		}
		return nil
	}
}

func atLeastOne(what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usage("%q needs at least one %s", c.CommandPath(), what)
		}
		return nil
	}
}
