package cmd

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// manCommand writes the manual pages, for those who install or package gocompose.
func (a *app) manCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "man DIR",
		Short:   "Write manual pages into a folder",
		Long:    "Writes a manual page for each command into a folder, which it makes: gocompose.1, gocompose-up.1 and so on.",
		Example: "  gocompose man /usr/local/share/man/man1",
		Hidden:  true,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("%q needs one DIR, got %d arguments", c.CommandPath(), len(args))
			}
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return err
			}
			return writeManPages(args[0], c.Root(), a.version)
		},
	}
}

func writeManPages(dir string, c *cobra.Command, version string) error {
	file := filepath.Join(dir, strings.ReplaceAll(c.CommandPath(), " ", "-")+".1")
	if err := os.WriteFile(file, []byte(manPage(c, version)), 0o644); err != nil {
		return err
	}
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() && sub.Name() != "help" {
			if err := writeManPages(dir, sub, version); err != nil {
				return err
			}
		}
	}
	return nil
}

// manPage returns the page of a command, in the language of man(7).
func manPage(c *cobra.Command, version string) string {
	var b strings.Builder
	title := strings.ReplaceAll(c.CommandPath(), " ", "-")
	fmt.Fprintf(&b, ".TH %s 1 \"\" %s\n.SH NAME\n%s \\- %s\n", roffWord(strings.ToUpper(title)), roffWord("gocompose "+version), roff(title), roff(c.Short))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.B %s\n", roff(c.UseLine()))
	fmt.Fprintf(&b, ".SH DESCRIPTION\n%s\n", roffText(cmp.Or(c.Long, c.Short)))
	if flags := allFlags(c); flags.HasAvailableFlags() {
		fmt.Fprint(&b, ".SH OPTIONS\n")
		flags.VisitAll(func(f *pflag.Flag) {
			if !f.Hidden {
				b.WriteString(manFlag(f))
			}
		})
	}
	if c.HasAvailableSubCommands() {
		fmt.Fprint(&b, ".SH COMMANDS\n")
	}
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() && sub.Name() != "help" {
			fmt.Fprintf(&b, ".TP\n.BR %s (1)\n%s\n", roff(title+"-"+sub.Name()), roff(sub.Short))
		}
	}
	if lines := exampleLines(c); len(lines) > 0 {
		fmt.Fprintf(&b, ".SH EXAMPLES\n.nf\n%s\n.fi\n", roff(strings.Join(lines, "\n")))
	}
	if c.HasParent() {
		fmt.Fprintf(&b, ".SH SEE ALSO\n.BR %s (1)\n", roff(strings.ReplaceAll(c.Parent().CommandPath(), " ", "-")))
	}
	return b.String()
}

func manFlag(f *pflag.Flag) string {
	name := `\fB` + roff("--"+f.Name) + `\fP`
	if f.Shorthand != "" {
		name = `\fB` + roff("-"+f.Shorthand) + `\fP, ` + name
	}
	kind, text := pflag.UnquoteUsage(f)
	if kind != "" {
		name += ` \fI` + roff(kind) + `\fP`
	}
	return fmt.Sprintf(".TP\n%s\n%s\n", name, roff(text))
}

// roffText is a text with empty lines between its paragraphs.
func roffText(text string) string { return strings.ReplaceAll(roff(text), "\n\n", "\n.PP\n") }

// roffWord is one argument of a request.
func roffWord(text string) string { return `"` + strings.ReplaceAll(roff(text), `"`, `""`) + `"` }

// roff returns text in which nothing means anything to roff.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`).Replace(text)
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}
