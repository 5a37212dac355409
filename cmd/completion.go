package cmd

import (
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// completionCommand writes what shells load. Completing itself is cobra's
// __complete, which they call.
func (a *app) completionCommand() *cobra.Command {
	var plain bool
	shells := []string{"bash", "fish", "zsh"}
	c := &cobra.Command{
		Use:   "completion [OPTIONS] SHELL",
		Short: "Print what bash, zsh or fish load to complete gocompose's words",
		Long: "Prints a script which bash, zsh or fish load to complete commands, flags, services, profiles, projects, containers,\n" +
			"images, networks and volumes. What is completed is read from the Compose file and from an engine that runs:\n" +
			"nothing is started for it. `make install` installs the scripts.",
		Example: "  source <(gocompose completion bash)\n" +
			"  gocompose completion zsh >~/.zfunc/_gocompose\n" +
			"  gocompose completion fish >~/.config/fish/completions/gocompose.fish",
		ValidArgs: shells,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) != 1 || !slices.Contains(shells, args[0]) {
				return usage("%q needs one SHELL: %s", c.CommandPath(), strings.Join(shells, ", "))
			}
			return writeCompletion(a.Out, c.Root(), args[0], !plain)
		},
	}
	c.Flags().BoolVar(&plain, "no-descriptions", false, "Leave out what commands and flags are for")
	return c
}

func writeCompletion(w io.Writer, root *cobra.Command, shell string, describes bool) error {
	switch {
	case shell == "bash":
		return root.GenBashCompletionV2(w, describes)
	case shell == "fish":
		return root.GenFishCompletion(w, describes)
	case describes:
		return root.GenZshCompletion(w)
	default:
		return root.GenZshCompletionNoDesc(w)
	}
}

// completer returns words that may be meant, and what a shell does with them.
type completer = cobra.CompletionFunc

// completes tells whether the program was called by a shell that completes.
func completes(args []string) bool {
	return len(args) > 0 && strings.HasPrefix(args[0], cobra.ShellCompRequestCmd)
}

// addCompletions has all commands know what their arguments and flags may be: by
// what their use lines and the usages of flags say. A command that says more of
// itself is left alone.
func (a *app) addCompletions(c *cobra.Command) {
	if c.ValidArgsFunction == nil && c.ValidArgs == nil && !c.HasSubCommands() {
		c.ValidArgsFunction = a.argumentCompleter(c.Use)
	}
	c.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
		if complete := a.flagCompleter(c, f); complete != nil {
			_ = c.RegisterFlagCompletionFunc(f.Name, complete) // fails when there is one
		}
	})
	for _, sub := range c.Commands() {
		a.addCompletions(sub)
	}
}

// argumentCompleter goes by a use line, like "wait [OPTIONS] SERVICE...".
func (a *app) argumentCompleter(use string) completer {
	use, _, _ = strings.Cut(use, "\n") // another form
	words := slices.DeleteFunc(strings.Fields(use)[1:], func(w string) bool { return w == "[OPTIONS]" })
	return func(c *cobra.Command, given []string, begun string) ([]string, cobra.ShellCompDirective) {
		at := len(given)
		if last := len(words) - 1; at > last {
			if last < 0 || !strings.Contains(words[last], "...") && !strings.Contains(words[last], "SERVICES") {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			at = last
		}
		found, directive := a.argument(strings.Trim(words[at], "[]."))(c, given, begun)
		return slices.DeleteFunc(found, func(w string) bool { return slices.Contains(given, w) }), directive
	}
}

// argument completes what a use line calls by this name.
func (a *app) argument(name string) completer {
	switch {
	case strings.HasPrefix(name, "SERVICE="):
		return a.completeServices("=")
	case strings.HasPrefix(name, "SERVICE:"), strings.HasSuffix(name, "_PATH|-"): // of cp
		return a.completeServices(":")
	case strings.HasPrefix(name, "SERVICE"):
		return a.completeServices("")
	case name == "CONTAINER":
		return oneOf(a.containerNames)
	case strings.Contains(name, "IMAGE"), strings.HasPrefix(name, "REPOSITORY"):
		return oneOf(a.imageNames)
	case name == "NETWORK":
		return a.networkKind().complete
	case name == "VOLUME":
		return a.volumeKind().complete
	case name == "PROJECT":
		return oneOf(a.projectNames)
	case name == "DIR":
		return completeFolders
	case slices.Contains([]string{"ARCHIVE", "FILE", "PATH"}, name):
		return completeFiles
	}
	return cobra.NoFileCompletions
}

// oneOf completes one of what look returns; what it cannot find out is nothing.
func oneOf(look func(*cobra.Command) []string) completer {
	return func(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		return look(c), cobra.ShellCompDirectiveNoFileComp
	}
}

func completeFolders(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveFilterDirs
}

func completeFiles(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveDefault
}

// completeServices completes a service, and what must follow it, if anything.
func (a *app) completeServices(after string) completer {
	return func(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		found := a.serviceNames(c)
		for i := range found {
			found[i] += after
		}
		switch after {
		case "":
			return found, cobra.ShellCompDirectiveNoFileComp
		case ":": // or a file
			return found, cobra.ShellCompDirectiveNoSpace
		}
		return found, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
}

// flagCompleter returns what completes a flag's value; nil: files do.
func (a *app) flagCompleter(c *cobra.Command, f *pflag.Flag) completer {
	switch f.Name {
	case "attach", "no-attach", "exit-code-from", "hash":
		return a.completeServices("")
	case "scale":
		return a.completeServices("=")
	case "profile":
		return oneOf(a.profileNames)
	case "project-name":
		return oneOf(a.projectNames)
	case "index":
		return a.completeIndex
	case "signal":
		return cobra.FixedCompletions(signalNames(), cobra.ShellCompDirectiveNoFileComp)
	case "project-directory", "systemd-root":
		return completeFolders
	case "file", "env-file", "env-from-file", "output", "input", "address", "volume":
		return nil
	}
	if f.NoOptDefVal != "" {
		return nil // nothing follows
	}
	if f.Name == "image" {
		return oneOf(a.imageNames)
	}
	all := choices(f.Usage)
	if f.Name == "format" && len(all) == 0 {
		all = []string{"table", "json"}
	}
	return cobra.FixedCompletions(all, cobra.ShellCompDirectiveNoFileComp)
}
