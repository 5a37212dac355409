package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// repository makes one in a folder, with a commit of these files on main.
func repository(t *testing.T, files map[string]string) string {
	t.Helper()
	// What users have set up does not count here.
	t.Setenv("GIT_CONFIG_GLOBAL", "/dev/null")
	t.Setenv("GIT_CONFIG_SYSTEM", "/dev/null")
	dir := filepath.Join(t.TempDir(), "app.git")
	runGit(t, "", "init", "--quiet", "--initial-branch=main", dir)
	commitFiles(t, dir, files)
	return dir
}

func commitFiles(t *testing.T, dir string, files map[string]string) string {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if target, link := strings.CutPrefix(text, "-> "); link {
			err = os.Symlink(target, path)
		} else {
			err = os.WriteFile(path, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	runGit(t, dir, "add", "--all")
	runGit(t, dir, "-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "--quiet", "--message=x")
	return runGit(t, dir, "rev-parse", "HEAD")
}

func runGit(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestARepositorysFilesAreFetched(t *testing.T) {
	dir := repository(t, map[string]string{"compose.yaml": "one", "deploy/docker-compose.yml": "two", "deploy/x/app.yaml": "three"})
	runGit(t, dir, "-c", "user.name=a", "-c", "user.email=a@example.com", "tag", "--annotate", "--message=x", "v1")
	runGit(t, dir, "branch", "feature/main")
	first := runGit(t, dir, "rev-parse", "HEAD")
	runGit(t, dir, "checkout", "--quiet", "main")
	second := commitFiles(t, dir, map[string]string{"compose.yaml": "four"})
	f := &Files{Dir: t.TempDir()}
	url := "file://" + dir
	for name, want := range map[string]struct{ text, pinned string }{
		url:                                {"four", url + "#" + second},
		url + "#main":                      {"four", url + "#" + second},
		url + "#v1":                        {"one", url + "#" + first},
		url + "#refs/heads/feature/main":   {"one", url + "#" + first},
		url + "#" + first + ":deploy":      {"two", url + "#" + first + ":deploy"},
		url + "#main:deploy/x/app.yaml":    {"three", url + "#" + second + ":deploy/x/app.yaml"},
		url + "?branch=main&subdir=deploy": {"two", url + "#" + second + ":deploy"},
	} {
		c, err := f.Fetch(t.Context(), name)
		if err != nil || c.Pinned != want.pinned || !strings.HasPrefix(c.Source, url) {
			t.Errorf("%s: %+v, %v", name, c, err)
			continue
		}
		if got := read(t, c.File); got != want.text {
			t.Errorf("%s: %q, want %q", name, got, want.text)
		}
		rel, err := filepath.Rel(c.Root, c.File)
		if err != nil || read(t, filepath.Join(c.Mounts, rel)) != want.text {
			t.Errorf("%s: nothing to mount: %v", name, err)
		}
	}
	for name, want := range map[string]string{
		url + "#nope":                       `no branch and no tag "nope"`,
		url + "#" + first[:7]:               "all of its digits",
		url + "#main:none":                  "there is no none in this version",
		url + "#main:deploy/x":              "there is no Compose file in its folder deploy/x",
		"file://" + dir + "x":               "git ls-remote: ",
		url + "#" + strings.Repeat("0", 40): "not our ref",
	} {
		if _, err := f.Fetch(t.Context(), name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
}

// What is fetched by its commit needs no repository any more; a branch is asked again.
func TestACommitIsFetchedOnce(t *testing.T) {
	dir := repository(t, map[string]string{"compose.yaml": "one"})
	url, cache := "file://"+dir, t.TempDir()
	c, err := (&Files{Dir: cache}).Fetch(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	commitFiles(t, dir, map[string]string{"compose.yaml": "two"})
	if again, err := (&Files{Dir: cache}).Fetch(t.Context(), url); err != nil || read(t, again.File) != "two" {
		t.Errorf("%+v, %v", again, err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", "")
	if again, err := (&Files{Dir: cache}).Fetch(t.Context(), c.Pinned); err != nil || again != c {
		t.Errorf("%+v, %v", again, err)
	}
	if _, err := (&Files{Dir: cache}).Fetch(t.Context(), url); err == nil || !strings.Contains(err.Error(), "the program git") {
		t.Errorf("without git: %v", err)
	}
}

func TestNoLinkLeadsOut(t *testing.T) {
	outside := t.TempDir()
	dir := repository(t, map[string]string{
		"compose.yaml": "-> deploy/real.yaml", "deploy/real.yaml": "one", "deploy/deep/x": "x",
		"absolute": "-> " + outside, "up": "-> ../../x", "deploy/within": "-> ../deploy/deep", "deploy/later": "-> not/there/yet",
		"a/b/l": "-> ../..", "a/b/through": "-> l/../x", "deploy/deep/self": "-> self", "dangling": "-> nowhere/../../../x", ".env": "-> " + outside,
	})
	var said []string
	f := &Files{Dir: t.TempDir(), Warn: func(text string) { said = append(said, text) }}
	c, err := f.Fetch(t.Context(), "file://"+dir)
	if err != nil || read(t, c.File) != "one" {
		t.Fatalf("%+v, %v", c, err)
	}
	for _, root := range []string{c.Root, c.Mounts} {
		for _, name := range []string{"absolute", "up", "dangling", ".env", "a/b/through"} {
			if _, err := os.Lstat(filepath.Join(root, name)); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s is there: %v", name, err)
			}
		}
		for _, name := range []string{"compose.yaml", "deploy/within", "deploy/later"} {
			if _, err := os.Lstat(filepath.Join(root, name)); err != nil {
				t.Error(err)
			}
		}
	}
	if len(said) != 1 || !strings.Contains(said[0], "absolute -> "+outside) {
		t.Errorf("%q", said)
	}
}

// Hooks, filters and other ways by which a repository could have programs run.
func TestNothingOfARepositoryIsRun(t *testing.T) {
	marks := t.TempDir()
	dir := repository(t, map[string]string{
		"compose.yaml": "one", ".gitattributes": "* filter=evil", ".gitmodules": "[submodule \"s\"]\npath = s\nurl = ext::touch " + marks + "/submodule\n",
	})
	runGit(t, dir, "config", "filter.evil.smudge", "touch "+marks+"/filter")
	hooks := t.TempDir()
	for _, name := range []string{"post-checkout", "reference-transaction", "post-index-change"} {
		if err := os.WriteFile(filepath.Join(hooks, name), []byte("#!/bin/sh\ntouch "+marks+"/hook\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("GIT_CONFIG_COUNT", "1")
	t.Setenv("GIT_CONFIG_KEY_0", "core.hooksPath")
	t.Setenv("GIT_CONFIG_VALUE_0", hooks)
	t.Setenv("GIT_OBJECT_DIRECTORY", marks) // as in a hook
	c, err := (&Files{Dir: t.TempDir()}).Fetch(t.Context(), "file://"+dir)
	if err != nil || read(t, c.File) != "one" {
		t.Fatalf("%+v, %v", c, err)
	}
	if left, err := os.ReadDir(marks); err != nil || len(left) > 0 {
		t.Errorf("%v, %v", left, err)
	}
	entries, err := os.ReadDir(c.Root)
	if err != nil || slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() == ".git" }) {
		t.Errorf("%v, %v", entries, err)
	}
}

func TestAServerThatGivesNoCommitsByName(t *testing.T) {
	dir := repository(t, map[string]string{"compose.yaml": "one"})
	first := runGit(t, dir, "rev-parse", "HEAD")
	commitFiles(t, dir, map[string]string{"compose.yaml": "two"})
	t.Setenv("GIT_CONFIG_COUNT", "1")
	t.Setenv("GIT_CONFIG_KEY_0", "protocol.version") // by which it gives only what it names
	t.Setenv("GIT_CONFIG_VALUE_0", "0")
	for version, want := range map[string]string{"main": "two", first: "one"} {
		c, err := (&Files{Dir: t.TempDir()}).Fetch(t.Context(), "file://"+dir+"#"+version)
		if err != nil || read(t, c.File) != want {
			t.Errorf("%s: %+v, %v", version, c, err)
		}
	}
}

func TestARepositoryIsFetchedByHTTP(t *testing.T) {
	dir := repository(t, map[string]string{"compose.yaml": "one"})
	s := httptest.NewServer(httpBackend(t, dir))
	defer s.Close()
	c, err := (&Files{Dir: t.TempDir()}).Fetch(t.Context(), s.URL+"/app.git/.git")
	if err != nil || read(t, c.File) != "one" {
		t.Fatalf("%+v, %v", c, err)
	}
}

// A password in a URL is in no message, no argument of a process and no file.
func TestAPasswordIsSeenByNobody(t *testing.T) {
	dir := repository(t, map[string]string{"compose.yaml": "one"})
	backend := httpBackend(t, dir)
	cache := t.TempDir()
	const user, secret = "me@home", "hunter 2'\"$x%"
	var asked atomic.Bool
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if u, p, _ := r.BasicAuth(); u != user || p != secret {
			w.Header().Set("WWW-Authenticate", "Basic")
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		asked.Store(true)
		for _, kept := range append(filesBelow(t, cache), commandLines(t)...) {
			if text, err := os.ReadFile(kept); err == nil && (strings.Contains(string(text), "hunter") || strings.Contains(string(text), "me%40home")) {
				t.Errorf("it is in %s: %q", kept, text)
			}
		}
		backend.ServeHTTP(w, r)
	}))
	defer s.Close()
	base := strings.Replace(s.URL, "://", "://"+url.UserPassword(user, secret).String()+"@", 1)
	c, err := (&Files{Dir: cache}).Fetch(t.Context(), base+"/app.git/.git")
	if err != nil || read(t, c.File) != "one" || strings.Contains(c.Pinned+c.Source, "hunter") {
		t.Errorf("%+v, %v", c, err)
	}
	if !asked.Load() {
		t.Error("nobody has logged in")
	}
	for _, name := range []string{base + "/none.git", strings.Replace(base, "hunter", "hunters", 1) + "/app.git/.git"} {
		if _, err = (&Files{Dir: cache}).Fetch(t.Context(), name); err == nil || strings.Contains(err.Error(), "hunter") {
			t.Error(err)
		}
	}
}

func httpBackend(t *testing.T, dir string) http.Handler {
	t.Helper()
	backend := filepath.Join(runGit(t, "", "--exec-path"), "git-http-backend")
	if _, err := os.Stat(backend); err != nil {
		t.Skip("Git is here without its server")
	}
	return &cgi.Handler{Path: backend, Env: []string{"GIT_PROJECT_ROOT=" + filepath.Dir(dir), "GIT_HTTP_EXPORT_ALL=1",
		"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*"}, InheritEnv: []string{"GIT_CONFIG_GLOBAL"}}
}

func commandLines(t *testing.T) []string {
	t.Helper()
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil || len(lines) == 0 {
		t.Fatal("no process is to be seen: ", err)
	}
	return lines
}

func filesBelow(t *testing.T, dir string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			files = append(files, path)
		}
		return nil // Git makes and removes files meanwhile
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestARepositoryIsFetchedFromADaemon(t *testing.T) {
	dir := repository(t, map[string]string{"compose.yaml": "one"})
	if _, err := os.Stat(filepath.Join(runGit(t, "", "--exec-path"), "git-daemon")); err != nil {
		t.Skip("Git is here without its daemon")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var serving sync.WaitGroup
	serving.Go(func() { // a process for each client, as inetd has them
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			cmd := exec.Command("git", "daemon", "--inetd", "--export-all", "--base-path="+filepath.Dir(dir))
			cmd.Stdin, cmd.Stdout = conn, conn
			serving.Go(func() {
				if err := errors.Join(cmd.Run(), conn.Close()); err != nil {
					t.Log(err)
				}
			})
		}
	})
	c, err := (&Files{Dir: t.TempDir()}).Fetch(t.Context(), fmt.Sprintf("git://%s/app.git", l.Addr()))
	if err != nil || read(t, c.File) != "one" {
		t.Errorf("%+v, %v", c, err)
	}
	_ = l.Close() // again by the deferred one
	serving.Wait()
}

func TestACancelledFetchLeavesNothing(t *testing.T) {
	dir := repository(t, map[string]string{"compose.yaml": "one"})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	cache := t.TempDir()
	if _, err := (&Files{Dir: cache}).Fetch(ctx, "file://"+dir+"#"+runGit(t, dir, "rev-parse", "HEAD")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if left, err := filepath.Glob(filepath.Join(cache, "git", "*")); err != nil || len(left) > 0 {
		t.Errorf("%v, %v", left, err)
	}
}

// A server that takes the connection and says nothing is left when the command ends.
func TestASilentServerIsLeft(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	var accepting sync.WaitGroup
	accepting.Go(func() {
		conn, err := l.Accept()
		cancel()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.Copy(io.Discard, conn) // until Git has ended
		_ = conn.Close()
	})
	if _, err := (&Files{Dir: t.TempDir()}).Fetch(ctx, fmt.Sprintf("git://%s/app.git", l.Addr())); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	accepting.Wait()
}

// What Git leaves running, as ssh does its connections for others, is not waited for for ever,
// and is no error.
func TestWhatGitLeavesRunningIsLeft(t *testing.T) {
	bin := t.TempDir()
	script := "#!/bin/sh\nsleep 60 &\necho $! >" + bin + "/pid\necho said\n"
	if err := os.WriteFile(filepath.Join(bin, "git"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	out, err := new(git).run(t.Context(), "version")
	if err != nil || out != "said\n" {
		t.Errorf("%q, %v", out, err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(read(t, filepath.Join(bin, "pid"))))
	if err == nil {
		err = syscall.Kill(pid, syscall.SIGKILL)
	}
	if err != nil {
		t.Error(err)
	}
}
