package remote

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// git runs Git for a repository.
type git struct {
	where    string
	login    login
	terminal bool
	dir      string   // where it runs; empty: here
	options  []string // before the command
}

func (g *git) in(repo string, options ...string) *git {
	in := *g
	in.options = append([]string{"--git-dir=" + repo}, options...)
	return &in
}

// stop is how long Git may take to end when it is told to.
const stop = 3 * time.Second

// maxOutput bounds what is kept of what Git prints.
const maxOutput = 1 << 20

// run returns what a command prints. The configuration is the user's, for credentials and
// certificates, but for what would run programs of other kinds.
func (g *git) run(ctx context.Context, args ...string) (string, error) {
	options := append([]string{
		"-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "gc.auto=0", "-c", "maintenance.auto=false",
		"-c", "http.lowSpeedLimit=1", "-c", "http.lowSpeedTime=30", // a server that says nothing
	}, slices.Concat(g.login.options, g.options)...)
	cmd := exec.CommandContext(ctx, "git", append(options, args...)...)
	cmd.Env, cmd.Dir = append(g.environ(os.Environ()), g.login.env...), g.dir
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stop
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = limit(&out), limit(&said)
	err := cmd.Run()
	switch {
	case err == nil, errors.Is(err, exec.ErrWaitDelay): // what it has left running, as a connection of ssh that others are to use, has its output still
		return out.String(), nil
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case errors.Is(err, exec.ErrNotFound):
		return "", errors.New("the program git, which fetches repositories, is not on this host: install it, or fetch the files yourself and name the copy")
	}
	return "", fmt.Errorf("git %s: %s", args[0], cmp.Or(g.lastWords(said.String()), err.Error()))
}

// lastWords is what Git says at its end, on one line and without a password.
func (g *git) lastWords(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	lines = lines[max(0, len(lines)-4):]
	for i, line := range lines {
		lines[i] = strings.TrimSpace(strings.TrimPrefix(line, "fatal: "))
	}
	lines = slices.DeleteFunc(lines, func(l string) bool { return l == "" })
	text = strings.ReplaceAll(strings.Join(lines, "; "), g.where, withoutPassword(g.where))
	if secret := password(g.where); secret != "" {
		text = strings.ReplaceAll(text, secret, "***")
	}
	return text
}

// environ is that of Git: nothing of another repository, as there is when it runs hooks,
// and only the ways to fetch that Accepts knows.
func (g *git) environ(from []string) []string {
	ofRepository := []string{"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES",
		"GIT_COMMON_DIR", "GIT_PREFIX", "GIT_SHALLOW_FILE", "GIT_GRAFT_FILE", "GIT_NAMESPACE", "GIT_ALLOW_PROTOCOL", "LC_ALL"}
	set := map[string]bool{}
	var env []string
	for _, kv := range from {
		name, _, _ := strings.Cut(kv, "=")
		if !slices.Contains(ofRepository, name) {
			env, set[name] = append(env, kv), true
		}
	}
	env = append(env, "LC_ALL=C", "GIT_ALLOW_PROTOCOL="+strings.Join(gitSchemes(), ":"))
	if g.terminal {
		return env
	}
	if !set["GIT_TERMINAL_PROMPT"] {
		env = append(env, "GIT_TERMINAL_PROMPT=0")
	}
	if !set["GIT_SSH"] && !set["GIT_SSH_COMMAND"] {
		env = append(env, "GIT_SSH_COMMAND=ssh -o ControlMaster=no -o BatchMode=yes -o ConnectTimeout=30")
	}
	return env
}

// limited is a buffer that drops what is too much.
type limited struct{ b *bytes.Buffer }

func limit(b *bytes.Buffer) io.Writer { return limited{b} }

func (l limited) Write(p []byte) (int, error) {
	if room := maxOutput - l.b.Len(); room > 0 {
		l.b.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}
