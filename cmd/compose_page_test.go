package cmd

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const composePage = "../docs/compose-commands.md"

const composeIntro = `# Commands and flags of docker compose

Every command of docker compose 5.5 and every flag of it, also those that its help leaves out, and whether it is here. What one does is
said in [commands.md](commands.md), with what differs. This page is made from the command line itself: ` + "`go test ./cmd -update`" + `.
`

// composeFlag is one flag of docker compose, composeCommand one command.
type composeFlag struct{ name, letter, kind string }

type composeCommand struct {
	path  string // its words; empty: what stands before the command
	flags []composeFlag
}

// composeCommands reads the list of what docker compose has.
func composeCommands(t *testing.T) []composeCommand {
	t.Helper()
	text, err := os.ReadFile("testdata/docker-compose.txt")
	if err != nil {
		t.Fatal(err)
	}
	var all []composeCommand
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(strings.Replace(line, "(hidden)", "", 1))
		switch {
		case strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "--"):
			words := strings.Fields(line)
			f := composeFlag{name: words[0][2:], kind: words[len(words)-1]}
			if len(words) == 3 {
				f.letter = words[1][1:]
			}
			c := &all[len(all)-1]
			c.flags = append(c.flags, f)
		case line == "global":
			all = append(all, composeCommand{})
		default:
			all = append(all, composeCommand{path: line})
		}
	}
	return all
}

// verdict says whether something of docker compose's is here, or else why not.
type verdict struct {
	done bool
	text string // why not; of what is here: under which name
}

func (v verdict) String() string {
	switch {
	case v.done:
		return strings.TrimSpace("done " + v.text)
	case v.text == "":
		return "not there yet"
	default:
		return "refused: " + v.text
	}
}

// commandAt returns the command with these words, or nil.
func commandAt(root *cobra.Command, path string) *cobra.Command {
	c, rest, err := root.Find(strings.Fields(path))
	if err != nil || len(rest) > 0 {
		return nil
	}
	return c
}

func judgeCommand(root *cobra.Command, path string) (verdict, error) {
	c := commandAt(root, path)
	absent, named := findAbsent(allAbsentCommands(), strings.Fields(path))
	switch exactly := named && absent.name == path; {
	case c != nil && exactly:
		return verdict{}, fmt.Errorf("%s is there, and named as absent", path)
	case c != nil && pathOf(c) != path:
		return verdict{true, "(`" + pathOf(c) + "`)"}, nil
	case c != nil:
		return verdict{done: true}, nil
	case !named:
		return verdict{}, fmt.Errorf("%s is neither there nor named as absent", path)
	}
	return verdict{text: absent.instead}, nil
}

// judgeFlag tells whether the command has the flag as docker compose has it, or
// why it has not.
func judgeFlag(c *cobra.Command, path string, want composeFlag) (verdict, error) {
	why, absent := absentFlags()[path][want.name]
	have := c.Flags().Lookup(want.name)
	if have == nil {
		have = c.PersistentFlags().Lookup(want.name)
	}
	of := fmt.Sprintf("%q --%s", path, want.name)
	switch {
	case have == nil && !absent:
		return verdict{}, fmt.Errorf("%s is neither there nor named as absent", of)
	case have == nil:
		return verdict{text: why}, nil
	case absent:
		return verdict{}, fmt.Errorf("%s is there, and named as absent", of)
	case have.Shorthand != want.letter:
		return verdict{}, fmt.Errorf("%s has the letter %q, want %q", of, have.Shorthand, want.letter)
	case kindOf(have.Value.Type()) != kindOf(want.kind):
		return verdict{}, fmt.Errorf("%s takes %s, want %s", of, have.Value.Type(), want.kind)
	}
	if why, refused := strings.CutPrefix(have.Usage, "Refused: "); refused {
		return verdict{text: why}, nil
	}
	return verdict{done: true}, nil
}

// kindOf is what a type of values is on the command line: yes or no, one value,
// or any number of them.
func kindOf(valueType string) string {
	switch valueType {
	case "stringArray", "list", "filter":
		return "several"
	case "bytes", "string":
		return "text"
	}
	return valueType
}

func TestEveryRowOfDockerComposeIsDoneOrRefusedWithAReason(t *testing.T) {
	root := (&app{}).root()
	var b strings.Builder
	b.WriteString(composeIntro)
	done, all := 0, 0
	row := func(path, flag string, v verdict, err error) {
		if err != nil {
			t.Error(err)
		}
		if all++; v.done {
			done++
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", quoted(path), flag, strings.ReplaceAll(v.String(), "|", `\|`))
	}
	b.WriteString("\n| command | flag | here |\n|---|---|---|\n")
	for _, want := range composeCommands(t) {
		c, v, err := root, verdict{}, error(nil)
		if want.path != "" {
			v, err = judgeCommand(root, want.path)
			row(want.path, "", v, err)
			c = commandAt(root, want.path)
		}
		for _, f := range want.flags {
			if c != nil {
				v, err = judgeFlag(c, want.path, f)
			}
			row(want.path, spellingOf(f), v, err)
		}
	}
	fmt.Fprintf(&b, "\n%d of %d rows are done.\n", done, all)
	writeVariables(&b)
	writeForeign(&b)
	upToDate(t, composePage, b.String())
}

// writeForeign adds what people are used to from other programs.
func writeForeign(b *strings.Builder) {
	b.WriteString("\n## Of docker, and of programs like docker compose\n\nThese are refused, with the reason:\n\n| command or flag | why |\n|---|---|\n")
	for _, c := range foreignCommands() {
		fmt.Fprintf(b, "| `%s` | %s |\n", c.name, c.instead)
	}
	flags := foreignFlags()
	names := make([]string, 0, len(flags))
	for name := range flags {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(b, "| `--%s` | %s |\n", name, flags[name])
	}
}

func quoted(path string) string { return "`" + cmp.Or(path, "docker compose") + "`" }

func spellingOf(f composeFlag) string {
	return spelling(&pflag.Flag{Name: f.name, Shorthand: f.letter})
}

// upToDate holds a page to what it is made from, or makes it.
func upToDate(t *testing.T, page, text string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(page, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != text {
		t.Errorf("%s is not what the commands say of themselves: go test ./cmd -update", page)
	}
}

// What is named as absent is something that docker compose has, or docker.
func TestNothingElseIsNamedAsAbsent(t *testing.T) {
	theirs := map[string][]string{}
	for _, c := range composeCommands(t) {
		for _, f := range c.flags {
			theirs[c.path] = append(theirs[c.path], f.name)
		}
		theirs[c.path] = append(theirs[c.path], "")
	}
	for _, c := range allAbsentCommands() {
		if theirs[c.name] == nil {
			t.Errorf("%s is named as absent and is no command of docker compose", c.name)
		}
	}
	root := (&app{}).root()
	for path, flags := range absentFlags() {
		c := commandAt(root, path)
		if path != "" && c == nil {
			t.Errorf("flags of %q are named as absent, and all of it is", path)
			continue
		}
		for flag := range flags {
			if !slices.Contains(theirs[path], flag) && (path == "" || !ofDocker(c)) {
				t.Errorf("%q --%s is named as absent and is no flag of docker compose", path, flag)
			}
		}
	}
}

func command(t *testing.T, root *cobra.Command, name string) *cobra.Command {
	t.Helper()
	c := commandAt(root, name)
	if c == nil {
		t.Fatalf("there is no command %s", name)
	}
	return c
}
