package cmd

import (
	"cmp"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/mattn/go-shellwords"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// untested are flags that no script can use, each with the reason.
func untested() map[string]string {
	return map[string]string{}
}

// Every flag of every command stands in a script, in an invocation that is not
// there to fail; of flags that are refused, one that is will do.
func TestEveryFlagHasAScript(t *testing.T) {
	root := (&app{}).root()
	used := usedFlags(t, root)
	for c := range below(root) {
		for f := range ownFlags(c) {
			name := strings.TrimSpace(pathOf(c) + " --" + f.Name)
			switch why, excepted := untested()[name]; {
			case excepted && (used[name] || why == ""):
				t.Errorf("%s is an exception, and needs none, or a reason", name)
			case !excepted && !used[name]:
				t.Errorf("no script uses %s", name)
			}
		}
	}
}

// below returns a command and all below it, but help.
func below(c *cobra.Command) func(func(*cobra.Command) bool) {
	return func(yield func(*cobra.Command) bool) {
		for _, sub := range c.Commands() {
			if sub.Name() == "help" {
				continue
			}
			for s := range below(sub) {
				if !yield(s) {
					return
				}
			}
		}
		yield(c)
	}
}

// ownFlags returns the command's own flags.
func ownFlags(c *cobra.Command) func(func(*pflag.Flag) bool) {
	return func(yield func(*pflag.Flag) bool) {
		var all []*pflag.Flag
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.Name != "help" {
				all = append(all, f)
			}
		})
		for _, f := range all {
			if !yield(f) {
				return
			}
		}
	}
}

// usedFlags returns the flags that scripts use, as "network ls --filter".
func usedFlags(t *testing.T, root *cobra.Command) map[string]bool {
	t.Helper()
	used := map[string]bool{}
	for _, line := range scriptLines(t) {
		fails := strings.HasPrefix(line, "! ")
		for _, args := range invocations(line) {
			i, _ := parseInvocation(root, args)
			for _, f := range i.flags {
				if !fails || strings.HasPrefix(f.Usage, "Refused: ") {
					used[strings.TrimSpace(pathOf(i.owner(f))+" --"+f.Name)] = true
				}
			}
		}
	}
	return used
}

func scriptLines(t *testing.T) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir("../testdata", func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".txtar" {
			return err
		}
		text, err := os.ReadFile(path)
		for line := range strings.Lines(string(text)) {
			if line = strings.TrimSpace(line); !strings.HasPrefix(line, "#") {
				all = append(all, line)
			}
		}
		return err
	})
	if err != nil || len(all) < 1000 {
		t.Fatalf("reading the scripts: %d lines, %v", len(all), err)
	}
	return all
}

// invocations returns the arguments of each gocompose that a line calls, alone or
// within a line of a shell.
func invocations(line string) [][]string {
	var all [][]string
	// A quote within quotes, which is doubled, begins or ends a text of its own.
	line = regexp.MustCompile(`(\S)\'\'|\'\'(\S)`).ReplaceAllString(line, `$1"$2`)
	parts := strings.Split(line, "gocompose ")
	for i, text := range parts[1:] {
		before := parts[i]
		if before != "" && !strings.ContainsAny(before[len(before)-1:], ` '"/(;`) {
			continue // part of a longer word
		}
		args, err := shellwords.Parse(untilEnd(text))
		if err == nil && len(args) > 0 {
			all = append(all, args)
		}
	}
	return all
}

// untilEnd cuts text where the command of a shell ends.
func untilEnd(text string) string {
	var quote rune
	for i, r := range text {
		switch {
		case quote != 0:
			if r == quote {
				quote = 0
			}
		case r == '\'' || r == '"':
			if !strings.ContainsRune(text[i+1:], r) { // it ends what the command stands in
				return text[:i]
			}
			quote = r
		case strings.ContainsRune("|&;<>)`", r):
			return text[:i]
		}
	}
	return text
}

// invocation is what the arguments of one gocompose mean.
type invocation struct {
	command *cobra.Command
	flags   []*pflag.Flag
}

// owner returns the command that a flag of the invocation belongs to.
func (i invocation) owner(f *pflag.Flag) *cobra.Command {
	for c := i.command; c != nil; c = c.Parent() {
		if c.LocalFlags().Lookup(f.Name) == f || c.Flags().Lookup(f.Name) == f && c.InheritedFlags().Lookup(f.Name) == nil {
			return c
		}
	}
	return i.command.Root()
}

// parseInvocation reads arguments as the command line does, until one that it
// does not know; then ok is false.
func parseInvocation(root *cobra.Command, args []string) (i invocation, ok bool) {
	i.command = root
	positional := false
	for len(args) > 0 {
		word := args[0]
		args = args[1:]
		switch {
		case word == "--":
			return i, true
		case strings.HasPrefix(word, "-") && word != "-":
			if args, ok = i.take(word, args); !ok {
				return i, false
			}
		case !positional && i.command.HasSubCommands():
			sub := commandAt(i.command, word)
			if sub == nil {
				return i, false
			}
			i.command = sub
		default:
			if positional = true; !interspersed(i.command) {
				return i, true
			}
		}
	}
	return i, true
}

// interspersed tells whether flags may stand after arguments.
func interspersed(c *cobra.Command) bool {
	return c.Flags().Parse([]string{"argument", "--no-such-flag"}) != nil
}

// take reads one word of flags, and of the arguments after it what belongs to it.
func (i *invocation) take(word string, args []string) (rest []string, ok bool) {
	if long, isLong := strings.CutPrefix(word, "--"); isLong {
		name, _, hasValue := strings.Cut(long, "=")
		return i.add(i.flag(name), hasValue, args)
	}
	for letters := word[1:]; letters != ""; letters = letters[1:] {
		f := i.letter(letters[:1])
		if f == nil {
			return args, false
		}
		if f.NoOptDefVal == "" {
			return i.add(f, len(letters) > 1, args)
		}
		i.flags = append(i.flags, f)
		if strings.HasPrefix(letters[1:], "=") {
			break
		}
	}
	return args, true
}

func (i *invocation) add(f *pflag.Flag, hasValue bool, args []string) (rest []string, ok bool) {
	if f == nil {
		return args, false
	}
	i.flags = append(i.flags, f)
	if hasValue || f.NoOptDefVal != "" {
		return args, true
	}
	if len(args) == 0 {
		return args, false
	}
	return args[1:], true
}

func (i *invocation) flag(name string) *pflag.Flag {
	return cmp.Or(i.command.Flags().Lookup(name), i.command.PersistentFlags().Lookup(name), i.command.InheritedFlags().Lookup(name))
}

func (i *invocation) letter(l string) *pflag.Flag {
	return cmp.Or(i.command.Flags().ShorthandLookup(l), i.command.InheritedFlags().ShorthandLookup(l))
}

func TestInvocationsAreFound(t *testing.T) {
	for line, want := range map[string][][]string{
		`exec gocompose ps -aq`:                                {{"ps", "-aq"}},
		`exec sh -c 'gocompose -p a up | gocompose config >x'`: {{"-p", "a", "up"}, {"config"}},
		`exec gocompose ps --format 'table {{.Name}}'`:         {{"ps", "--format", "table {{.Name}}"}},
		`exec script -qefc ''stty; gocompose up'' screen`:      {{"up"}},
		`x-gocompose: {a: b}`:                                  nil,
	} {
		if got := invocations(line); !slices.EqualFunc(got, want, slices.Equal) {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
}
