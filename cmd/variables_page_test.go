package cmd

import (
	"fmt"
	"strings"
	"testing"
)

// variable is one that docker compose reads.
type variable struct {
	name    string
	verdict verdict
}

// composeVariables are all that docker compose 5.5 reads from the environment.
func composeVariables() []variable {
	const (
		elsewhere = "there is no daemon to choose; one that names another host is warned of"
		build     = "there is one way to build, and one builder: gocompose's own BuildKit"
		nothing   = "nothing is behind it: it switches what is here on or off in any case"
	)
	done := func(text string) verdict { return verdict{true, text} }
	not := func(text string) verdict { return verdict{false, text} }
	return []variable{
		{"COMPOSE_FILE", done("")},
		{"COMPOSE_PATH_SEPARATOR", done("")},
		{"COMPOSE_PROJECT_NAME", done("")},
		{"COMPOSE_PROFILES", done("")},
		{"COMPOSE_ENV_FILES", done("")},
		{"COMPOSE_DISABLE_ENV_FILE", done("")},
		{"COMPOSE_PARALLEL_LIMIT", done("")},
		{"COMPOSE_COMPATIBILITY", done("")},
		{"COMPOSE_REMOVE_ORPHANS", done("")},
		{"COMPOSE_IGNORE_ORPHANS", done("")},
		{"COMPOSE_MENU", done("")},
		{"COMPOSE_PROGRESS", done("")},
		{"COMPOSE_ANSI", done("")},
		{"NO_COLOR", done("")},
		{"COMPOSE_STATUS_STDOUT", done("")},
		{"DOCKER_DEFAULT_PLATFORM", done("")},
		{"DOCKER_CONFIG", done("(credentials, and programs of providers)")},
		{"COMPOSE_CONVERT_WINDOWS_PATHS", not("there are no such paths on Linux")},
		{"COMPOSE_EXPERIMENTAL", not(nothing)},
		{"COMPOSE_EXPERIMENTAL_GIT_REMOTE", done("")},
		{"COMPOSE_EXPERIMENTAL_OCI_REMOTE", done("")},
		{"COMPOSE_EXPERIMENTAL_WATCH_TAR", not(nothing)},
		{"COMPOSE_WATCH_WINDOWS_BUFFER_SIZE", not("it is Windows'")},
		{"COMPOSE_BAKE", not(build)},
		{"BUILDX_BUILDER", not(build)},
		{"BUILDKIT_PROGRESS", done("of `build`")},
		{"DOCKER_BUILDKIT", not(build)},
		{"DOCKER_HOST", not(elsewhere)},
		{"DOCKER_CONTEXT", not(elsewhere)},
		{"DOCKER_CERT_PATH", not("it goes with DOCKER_HOST")},
		{"DOCKER_TLS_VERIFY", not("it goes with DOCKER_HOST")},
		{"OTEL_*", not("nothing is traced")},
		{"XDG_RUNTIME_DIR", not("locks are below GOCOMPOSE_STATE")},
		{"XDG_CACHE_HOME", done("(Compose files from elsewhere)")},
	}
}

// writeVariables is the page's table. Those that are not here are told of there:
// nobody is to be warned of a variable that other programs are for.
func writeVariables(b *strings.Builder) {
	b.WriteString("\n## Variables\n\nThose that begin with COMPOSE_ are read from the project's `.env` too, but for COMPOSE_ENV_FILES and COMPOSE_DISABLE_ENV_FILE.\n" +
		"One that is to be true or false and is neither is an error.\n\n| variable | here |\n|---|---|\n")
	for _, v := range composeVariables() {
		text := v.verdict.String()
		if !v.verdict.done {
			text = "of no effect: " + v.verdict.text
		}
		fmt.Fprintf(b, "| `%s` | %s |\n", v.name, text)
	}
}

// Every variable that is honoured, and every one that is warned of, is set by a
// script.
func TestEveryVariableHasAScript(t *testing.T) {
	used := map[string]bool{}
	for _, line := range scriptLines(t) {
		for _, word := range strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(" '\";", r) }) {
			if name, _, is := strings.Cut(word, "="); is {
				used[name] = true
			}
		}
	}
	for _, v := range composeVariables() {
		if (v.verdict.done || strings.Contains(v.verdict.text, "warned")) && !used[v.name] {
			t.Errorf("no script sets %s", v.name)
		}
	}
}
