package provider

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gocompose/gocompose/project"
)

// script puts a program of that name and text into a folder of its own.
func script(t *testing.T, name, text string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+text), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestFind(t *testing.T) {
	inPath, home, config := script(t, "cloud", ""), t.TempDir(), t.TempDir()
	t.Setenv("PATH", inPath)
	t.Setenv("HOME", home)
	t.Setenv("DOCKER_CONFIG", "")
	is := func(want string) {
		t.Helper()
		got, err := Find("cloud")
		if err != nil || got != want {
			t.Errorf("found %q, %v; want %q", got, err, want)
		}
	}
	put := func(dir string, mode os.FileMode) string {
		t.Helper()
		plugin := filepath.Join(dir, "cli-plugins", "docker-cloud")
		if err := errors.Join(os.MkdirAll(filepath.Dir(plugin), 0o755), os.WriteFile(plugin, nil, mode)); err != nil {
			t.Fatal(err)
		}
		return plugin
	}
	is(filepath.Join(inPath, "cloud"))
	is2 := put(filepath.Join(home, ".docker"), 0o644)
	is(filepath.Join(inPath, "cloud")) // what cannot be run is no plugin
	if err := os.Chmod(is2, 0o755); err != nil {
		t.Fatal(err)
	}
	is(is2)
	t.Setenv("DOCKER_CONFIG", config)
	is(filepath.Join(inPath, "cloud"))
	is(put(config, 0o755))
	_, err := Find("none")
	for _, part := range []string{`"none"`, "docker-none", filepath.Join(config, "cli-plugins"), "PATH"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("the error does not say %q: %v", part, err)
		}
	}
}

func TestMessages(t *testing.T) {
	for _, c := range []struct {
		name, text string
		vars       map[string]string
		said       []string
		problems   []string
		err        string
	}{
		{name: "all", text: `{"type":"info","message":"one\ntwo"}` + "\n\n" + `{"type":"debug","message":"x"}` + "\n" +
			`{"type":"setenv","message":"URL=a=b"}` + "\n" + `{"type":"rawsetenv","message":"KEY="}`,
			vars: map[string]string{"MY_DB_1_URL": "a=b", "KEY": ""}, said: []string{"one"}},
		{name: "the last counts", text: `{"type":"setenv","message":"A=1"}` + "\n" + `{"type":"setenv","message":"A=2"}` + "\n",
			vars: map[string]string{"MY_DB_1_A": "2"}},
		{name: "problems", text: `{"type":"error","message":"full\n"}` + "\n" + `{"type":"error","message":"sorry"}`,
			problems: []string{"full", "sorry"}},
		{name: "no JSON", text: "secret\n", err: "no JSON object"},
		{name: "unknown", text: `{"type":"get-service-config"}`, err: `"get-service-config"`},
		{name: "no value", text: `{"type":"setenv","message":"secret"}`, err: "NAME=value"},
		{name: "no name", text: `{"type":"rawsetenv","message":"=secret"}`, err: "NAME=value"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var said []string
			a := newAnswer("my-db.1", func(line string) { said = append(said, line) })
			l := &lines{each: a.line}
			for _, b := range []byte(c.text) { // however it comes
				if _, err := l.Write([]byte{b}); err != nil {
					t.Fatal(err)
				}
			}
			l.end()
			if !maps.Equal(a.variables, c.vars) || !slices.Equal(said, c.said) || !slices.Equal(a.problems, c.problems) {
				t.Errorf("variables %v, said %q, problems %q", a.variables, said, a.problems)
			}
			if (a.err == nil) != (c.err == "") || a.err != nil && (!strings.Contains(a.err.Error(), c.err) || strings.Contains(a.err.Error(), "secret")) {
				t.Errorf("error %v, want one with %q", a.err, c.err)
			}
		})
	}
}

func TestArguments(t *testing.T) {
	p := project.Provider{Project: "shop", Name: "db", Type: "cloud", Options: map[string][]string{"size": {"1"}, "a": {"x y", "z"}}}
	var d description
	d.Up.Parameters = []parameter{{Name: "size", Required: true}}
	for _, c := range []struct {
		action project.ProviderAction
		d      description
		want   []string
	}{
		{project.ProviderUp, description{}, []string{"compose", "--project-name=shop", "up", "--a=x y", "--a=z", "--size=1", "db"}},
		{project.ProviderUp, d, []string{"compose", "--project-name=shop", "up", "--size=1", "db"}},
		{project.ProviderDown, d, []string{"compose", "--project-name=shop", "down", "db"}},
	} {
		got, err := arguments(p, c.action, c.d)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, %v; want %q", c.action, got, err, c.want)
		}
	}
	delete(p.Options, "size")
	if _, err := arguments(p, project.ProviderUp, d); err == nil || !strings.Contains(err.Error(), "size") {
		t.Errorf("an option is missing: %v", err)
	}
	if _, err := arguments(p, project.ProviderDown, d); err != nil {
		t.Errorf("it is not needed to take it down: %v", err)
	}
}

func TestRun(t *testing.T) {
	for _, c := range []struct {
		name, text string
		err        []string // empty: none
	}{
		{name: "done", text: `echo '{"type":"setenv","message":"WHO='$WHO'"}'; echo word >&2`},
		{name: "a problem", text: `echo '{"type":"error","message":"no quota"}'`, err: []string{"/cloud: no quota"}},
		{name: "a failure", text: "echo one >&2; echo two >&2; exit 3", err: []string{"exit status 3: one; two"}},
		{name: "a silent failure", text: "exit 4", err: []string{"exit status 4", "/cloud compose up"}},
		{name: "no protocol", text: "echo secret", err: []string{"/cloud: it printed"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("PATH", script(t, "cloud", `[ "$2" != metadata ] || exit 1`+"\n"+c.text+"\n")+":"+os.Getenv("PATH"))
			var mu sync.Mutex
			var said []string
			vars, err := Run(t.Context(), project.Provider{Project: "shop", Name: "db", Type: "cloud", Env: []string{"WHO=me"}},
				project.ProviderUp, func(line string) { mu.Lock(); said = append(said, line); mu.Unlock() })
			if len(c.err) == 0 {
				if err != nil || !maps.Equal(vars, map[string]string{"DB_WHO": "me"}) || !slices.Equal(said, []string{"word"}) {
					t.Errorf("set %v, said %q: %v", vars, said, err)
				}
				return
			}
			for _, part := range c.err {
				if err == nil || !strings.Contains(err.Error(), part) || strings.Contains(err.Error(), "secret") {
					t.Errorf("error %v, want %q in it", err, part)
				}
			}
		})
	}
}

// What a program has started ends with it, whatever it does about signals.
func TestRunEnds(t *testing.T) {
	dir := script(t, "cloud", `[ "$2" != metadata ] || exit 1
(trap '' TERM; exec sleep 1000) >/dev/null 2>&1 &
echo $! >"$PIDFILE"
echo started >&2
wait
`)
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	file := filepath.Join(dir, "pid")
	var once sync.Once
	_, err := Run(ctx, project.Provider{Name: "db", Type: "cloud", Env: []string{"PIDFILE=" + file, "PATH=" + os.Getenv("PATH")}}, project.ProviderUp,
		func(string) { once.Do(cancel) })
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); !gone(pid); {
		if time.Now().After(deadline) {
			t.Fatalf("process %d is still there", pid)
		}
	}
}

// gone tells whether a process has ended, be it that nobody has asked how.
func gone(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return true
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || strings.Contains(string(stat), ") Z ")
}
