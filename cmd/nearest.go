package cmd

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/internal/near"
)

// errNoSuchService is docker compose's error, with the one of the services that
// are known, or that have containers, which was perhaps meant.
func errNoSuchService(name string, known []string, infos []host.Info) error {
	known = slices.Clone(known)
	for _, i := range infos {
		known = append(known, i.Spec.Service)
	}
	return fmt.Errorf("no such service: %s%s", name, near.Question(name, known))
}

// commandNames returns what the commands below c may be called.
func commandNames(c *cobra.Command) []string {
	var names []string
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			names = append(append(names, sub.Name()), sub.Aliases...)
		}
	}
	return names
}

// questionOfFlag asks whether another flag of the command was meant.
func questionOfFlag(c *cobra.Command, name string) string {
	var names []string
	allFlags(c).VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, "--"+f.Name)
		}
	})
	if len(name) < 2 { // a letter that is none
		return ""
	}
	return near.Question("--"+name, names)
}
