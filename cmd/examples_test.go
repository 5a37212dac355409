package cmd

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// Every command that does something has an example, and each of them means
// something to the command line.
func TestEveryCommandHasAnExample(t *testing.T) {
	root := (&app{}).root()
	for c := range below(root) {
		if c.Hidden || c.HasSubCommands() && c.HasParent() {
			continue
		}
		if c.Example == "" {
			t.Errorf("%s has no example", c.CommandPath())
		}
		if last := c.Long[strings.LastIndex(c.Long, "\n")+1:]; strings.HasPrefix(last, "    ") {
			t.Errorf("%s has its example in the description", c.CommandPath())
		}
		checkExample(t, root, c)
	}
}

func checkExample(t *testing.T, root, c *cobra.Command) {
	t.Helper()
	about := false
	for _, line := range exampleLines(c) {
		all := invocations(line)
		if len(all) == 0 && line != "gocompose" {
			t.Errorf("%s: the example calls no gocompose: %s", c.CommandPath(), line)
		}
		for _, args := range all {
			i, ok := parseInvocation(root, args)
			if !ok || i.command.HasSubCommands() && i.command != root {
				t.Errorf("%s: the example means nothing: %s", c.CommandPath(), line)
			}
			about = about || i.command == c || c == root
		}
	}
	if !about && c.Example != "" {
		t.Errorf("%s: the example is of another command:\n%s", c.CommandPath(), c.Example)
	}
}

// What is recommended instead of what is not there is there.
func TestWhatIsRecommendedIsThere(t *testing.T) {
	root := (&app{}).root()
	for name, text := range reasons() {
		for _, quoted := range regexp.MustCompile("`gocompose ([^`]+)`").FindAllStringSubmatch(text, -1) {
			args := strings.Fields(quoted[1])
			_, absent := findAbsent(allAbsentCommands(), slices.DeleteFunc(slices.Clone(args), func(word string) bool {
				return word == "-p" || word == "PROJECT"
			})) // which says then what is
			if i, ok := parseInvocation(root, args); !absent && (!ok || i.command == root) {
				t.Errorf("%s: there is no gocompose %s", name, quoted[1])
			}
		}
	}
}

// reasons are all that is said of what is not there.
func reasons() map[string]string {
	all := map[string]string{}
	for _, commands := range [][]absentCommand{allAbsentCommands(), absentContainerCommands(), absentNetworkCommands(), absentVolumeCommands(), foreignCommands()} {
		for _, c := range commands {
			all[c.name] = c.instead
		}
	}
	for path, flags := range absentFlags() {
		for flag, why := range flags {
			all[path+" --"+flag] = why
		}
	}
	for flag, why := range foreignFlags() {
		all["--"+flag] = why
	}
	return all
}
