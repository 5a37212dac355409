package watch_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/watch"
)

// watched watches a folder until the test ends. The function that is returned
// waits until something has happened at all of the paths.
func watched(t *testing.T, triggers ...project.Trigger) func(paths ...string) {
	t.Helper()
	rules, _, err := watch.New([]project.Service{service("web", triggers...)}, watch.Host{})
	if err != nil {
		t.Fatal(err)
	}
	files, err := watch.Watch(rules)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- files.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	seen := map[string]bool{}
	return func(paths ...string) {
		t.Helper()
		for _, p := range paths {
			for !seen[p] {
				more, ok := <-files.Paths()
				if !ok {
					t.Fatalf("it ended before %s", p)
				}
				for _, m := range more {
					seen[m] = true
				}
			}
		}
		clear(seen)
	}
}

func write(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestFilesAreWatchedAlsoInNewFolders(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "old/file"))
	wait := watched(t, project.Trigger{Path: dir, Target: "/", Action: project.WatchSync})
	write(t, filepath.Join(dir, "old/file"))
	wait(filepath.Join(dir, "old/file"))
	write(t, filepath.Join(dir, "new/deep/file"))
	wait(filepath.Join(dir, "new"), filepath.Join(dir, "new/deep"), filepath.Join(dir, "new/deep/file"))
	write(t, filepath.Join(dir, "new/deep/another"))
	wait(filepath.Join(dir, "new/deep/another"))
	elsewhere := t.TempDir()
	write(t, filepath.Join(elsewhere, "tree/sub/file"))
	if err := os.Rename(filepath.Join(elsewhere, "tree"), filepath.Join(dir, "moved")); err != nil {
		t.Fatal(err)
	}
	wait(filepath.Join(dir, "moved/sub/file"))
	if err := os.RemoveAll(filepath.Join(dir, "moved")); err != nil {
		t.Fatal(err)
	}
	wait(filepath.Join(dir, "moved/sub/file"), filepath.Join(dir, "moved"))
}

func TestAFolderBehindALinkIsWatched(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "real/sub/file"))
	link := filepath.Join(dir, "link")
	if err := os.Symlink("real", link); err != nil {
		t.Fatal(err)
	}
	wait := watched(t, project.Trigger{Path: link, Target: "/", Action: project.WatchSync})
	write(t, filepath.Join(dir, "real/sub/another"))
	wait(filepath.Join(link, "sub/another"))
}

func TestAFileThatIsReplacedIsWatched(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "conf")
	write(t, file)
	wait := watched(t, project.Trigger{Path: file, Target: "/conf", Action: project.WatchSync})
	for range 2 {
		write(t, file+".new")
		if err := os.Rename(file+".new", file); err != nil {
			t.Fatal(err)
		}
		wait(file)
	}
}

func TestExistingPassesOverWhatIsIgnored(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a", "sub/b", "deps/c", ".git/d"} {
		write(t, filepath.Join(dir, name))
	}
	write(t, dir+"-file")
	rules, _, err := watch.New([]project.Service{service("web",
		project.Trigger{Path: dir, Target: "/", Action: project.WatchSync, Ignore: []string{"deps"}},
		project.Trigger{Path: dir + "-file", Target: "/file", Action: project.WatchSync},
	)}, watch.Host{})
	if err != nil {
		t.Fatal(err)
	}
	files, err := watch.Watch(rules)
	if err != nil {
		t.Fatal(err)
	}
	all, err := files.Existing()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, path := range all {
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, rel)
	}
	if want := []string{".", ".git", "a", "deps", "sub", "sub/b", "../" + filepath.Base(dir) + "-file"}; !slices.Equal(names, want) {
		t.Errorf("there is %q, want %q", names, want)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := files.Run(ctx); err != nil {
		t.Error(err)
	}
}

func TestIgnoredReadsTheFile(t *testing.T) {
	dir := t.TempDir()
	if got, err := (watch.Host{}).Ignored(dir); len(got) > 0 || err != nil {
		t.Error(got, err)
	}
	if err := os.WriteFile(filepath.Join(dir, ".dockerignore"), []byte("# comment\n/a/\n!b\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := (watch.Host{}).Ignored(dir); !slices.Equal(got, []string{"a", "!b"}) || err != nil {
		t.Error(got, err)
	}
}
