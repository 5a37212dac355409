package cmd

import (
	"strings"

	"github.com/spf13/cobra"
)

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
