package watch_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/watch"
)

// disk has folders that exist, with the patterns of their .dockerignore; what ends
// in .txt is a file, and all else is a folder unless it is "missing".
type disk map[string][]string

func (disk) Folder(path string) (bool, error) {
	if strings.HasSuffix(path, "missing") {
		return false, fs.ErrNotExist
	}
	return !strings.HasSuffix(path, ".txt"), nil
}

func (d disk) Ignored(folder string) ([]string, error) { return d[folder], nil }

func service(name string, triggers ...project.Trigger) project.Service {
	return project.Service{Name: name, Watch: triggers}
}

// text is a batch in short: "web: a>b restart".
func text(batch []watch.Due) string {
	var out []string
	for _, d := range batch {
		line := fmt.Sprintf("%s(%d):", d.Service, d.Changes)
		for _, p := range d.Sync {
			line += " " + p.From + ">" + p.To
			if p.Root {
				line += "!"
			}
		}
		for _, h := range d.Exec {
			line += " " + strings.Join(h.Command, " ")
		}
		if d.Rebuild {
			line += " rebuild"
		}
		if d.Restart {
			line += " restart"
		}
		out = append(out, line)
	}
	return strings.Join(out, "; ")
}

func TestBatch(t *testing.T) {
	sync := project.Trigger{Path: "/p/src", Target: "/app", Action: project.WatchSync}
	with := func(change func(*project.Trigger)) project.Trigger {
		c := sync
		change(&c)
		return c
	}
	exec := with(func(c *project.Trigger) {
		c.Action, c.Exec = project.WatchSyncExec, project.Hook{Command: []string{"reload"}}
	})
	for _, c := range []struct {
		name     string
		services []project.Service
		paths    []string
		want     string
	}{
		{"nothing", []project.Service{service("web", sync)}, nil, ""},
		{"a file", []project.Service{service("web", sync)}, []string{"/p/src/a/b"}, "web(1): /p/src/a/b>/app/a/b"},
		{"others", []project.Service{service("web", sync)}, []string{"/p/srcs/a", "/p", "/p/src2"}, ""},
		{"the folder", []project.Service{service("web", sync)}, []string{"/p/src"}, "web(1): /p/src>/app!"},
		{"one file often", []project.Service{service("web", sync)}, []string{"/p/src/a", "/p/src/b", "/p/src/a"}, "web(2): /p/src/a>/app/a /p/src/b>/app/b"},
		{"folders first", []project.Service{service("web", sync)}, []string{"/p/src/d/f", "/p/src/d"}, "web(2): /p/src/d>/app/d /p/src/d/f>/app/d/f"},
		{"two services", []project.Service{service("web", sync), service("api", sync)}, []string{"/p/src/a"}, "api(1): /p/src/a>/app/a; web(1): /p/src/a>/app/a"},
		{"a restart", []project.Service{service("web", project.Trigger{Path: "/p/conf", Action: project.WatchRestart})}, []string{"/p/conf/x"}, "web(1): restart"},
		{"a rebuild, and nothing else", []project.Service{service("web", sync, project.Trigger{Path: "/p/src/sub", Action: project.WatchRebuild},
			project.Trigger{Path: "/p", Action: project.WatchRestart})}, []string{"/p/src/a", "/p/src/sub/b"}, "web(2): rebuild"},
		{"sync and restart", []project.Service{service("web", sync, with(func(c *project.Trigger) {
			c.Path, c.Target, c.Action = "/p/conf.txt", "/etc/conf", project.WatchSyncRestart
		}))},
			[]string{"/p/src/a", "/p/conf.txt"}, "web(2): /p/src/a>/app/a /p/conf.txt>/etc/conf restart"},
		{"a file into a folder", []project.Service{service("web", with(func(c *project.Trigger) { c.Path, c.Target = "/p/conf.txt", "/etc/" }))},
			[]string{"/p/conf.txt"}, "web(1): /p/conf.txt>/etc/conf.txt"},
		{"a command once", []project.Service{service("web", exec, exec)}, []string{"/p/src/a", "/p/src/b"}, "web(2): /p/src/a>/app/a /p/src/b>/app/b reload"},
		{"two rules on one file", []project.Service{service("web", sync, exec)}, []string{"/p/src/a"}, "web(1): /p/src/a>/app/a reload"},
		{"ignored", []project.Service{service("web", with(func(c *project.Trigger) { c.Ignore = []string{"node_modules/", "**/*.log", "!keep.log"} }))},
			[]string{"/p/src/node_modules/a/b", "/p/src/x/y.log", "/p/src/keep.log", "/p/src/a"}, "web(2): /p/src/a>/app/a /p/src/keep.log>/app/keep.log"},
		{"included", []project.Service{service("web", with(func(c *project.Trigger) { c.Include, c.Ignore = []string{"**/*.go"}, []string{"gen"} }))},
			[]string{"/p/src/a.go", "/p/src/x/b.go", "/p/src/c.c", "/p/src/gen/d.go"}, "web(2): /p/src/a.go>/app/a.go /p/src/x/b.go>/app/x/b.go"},
		{"ignored by .dockerignore", []project.Service{service("web", with(func(c *project.Trigger) { c.Context = "/p" }))},
			[]string{"/p/src/secret", "/p/src/a"}, "web(1): /p/src/a>/app/a"},
		{"of editors", []project.Service{service("web", sync)}, []string{
			"/p/src/.git/index", "/p/src/.git", "/p/src/.a.swp", "/p/src/.a.swo", "/p/src/a~", "/p/src/4913", "/p/src/.#a", "/p/src/#a#", "/p/src/.idea/x",
			"/p/src/a___jb_tmp___", "/p/src/.x.kate-swp", "/p/src/.gocompose-1"}, ""},
		{"not of editors", []project.Service{service("web", sync)}, []string{"/p/src/.gitignore", "/p/src/a.swp", "/p/src/#a", "/p/src/.swp"},
			"web(4): /p/src/#a>/app/#a /p/src/.gitignore>/app/.gitignore /p/src/.swp>/app/.swp /p/src/a.swp>/app/a.swp"},
	} {
		t.Run(c.name, func(t *testing.T) {
			rules, skipped, err := watch.New(c.services, disk{"/p": {"src/secret"}})
			if err != nil || len(skipped) > 0 {
				t.Fatal(skipped, err)
			}
			if got := text(rules.Batch(c.paths)); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestWhatIsBoundIsNotWatched(t *testing.T) {
	s := service("web",
		project.Trigger{Path: "/p/src/sub", Target: "/app", Action: project.WatchSync},
		project.Trigger{Path: "/p/src", Action: project.WatchRestart},
		project.Trigger{Path: "/p/srcs", Target: "/app", Action: project.WatchSync})
	s.Template.Mounts = []project.Mount{{Type: project.MountBind, Source: "/p/src"}, {Type: project.MountVolume, Source: "/p/srcs"}}
	rules, skipped, err := watch.New([]project.Service{s}, disk{})
	if err != nil || len(skipped) != 1 || skipped[0].Path != "/p/src/sub" {
		t.Fatal(skipped, err)
	}
	if got := rules.Paths(); !slices.Equal(got, []string{"/p/src", "/p/srcs"}) {
		t.Errorf("watched is %v", got)
	}
}

func TestWhatIsNotThereCannotBeWatched(t *testing.T) {
	_, _, err := watch.New([]project.Service{service("web", project.Trigger{Path: "/p/missing"})}, disk{})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func TestLooks(t *testing.T) {
	rules, _, err := watch.New([]project.Service{
		service("web", project.Trigger{Path: "/p", Target: "/p", Action: project.WatchSync, Ignore: []string{"deps", "some", "!some/file"}}),
		service("api", project.Trigger{Path: "/p/lib", Target: "/p", Action: project.WatchSync, Ignore: []string{"deps"}, Context: "/p"}),
	}, disk{"/p": {"lib/out"}})
	if err != nil {
		t.Fatal(err)
	}
	for folder, want := range map[string]bool{
		"/p": true, "/p/.git": false, "/p/deps": true /* an exception is in the patterns */, "/p/lib": true, "/p/lib/deps": true, "/q": false, "/p/lib/out": true,
	} {
		if rules.Looks(folder) != want {
			t.Errorf("looks into %s: %t", folder, !want)
		}
	}
	only, _, err := watch.New([]project.Service{
		service("api", project.Trigger{Path: "/p/lib", Target: "/p", Action: project.WatchSync, Ignore: []string{"deps"}, Context: "/p"}),
	}, disk{"/p": {"lib/out"}})
	if err != nil {
		t.Fatal(err)
	}
	for folder, want := range map[string]bool{"/p/lib": true, "/p/lib/deps": false, "/p/lib/deps/x": false, "/p/lib/out": false, "/p/lib/x": true, "/p": false} {
		if only.Looks(folder) != want {
			t.Errorf("looks alone into %s: %t", folder, !want)
		}
	}
}

func TestInitial(t *testing.T) {
	rules, _, err := watch.New([]project.Service{
		service("web", project.Trigger{Path: "/p", Target: "/a", Action: project.WatchSyncRestart, InitialSync: true}, project.Trigger{Path: "/q", Target: "/b", Action: project.WatchSync}),
		service("api", project.Trigger{Path: "/p", Action: project.WatchRestart, InitialSync: true}),
	}, disk{})
	if err != nil {
		t.Fatal(err)
	}
	got := text(rules.Initial([]string{"/p/new", "/p/old", "/q/new"}, func(_, path string) bool { return strings.HasSuffix(path, "new") }))
	if want := "web(1): /p/new>/a/new"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// clock is one whose times are over when the test says so.
type clock map[time.Duration]chan time.Time

func (c clock) after(d time.Duration) <-chan time.Time {
	c[d] = make(chan time.Time)
	return c[d]
}

func TestLoopWaitsUntilItIsQuiet(t *testing.T) {
	c := clock{}
	ctx, cancel := context.WithCancel(t.Context())
	paths, asked, done := make(chan []string), make(chan time.Duration), make(chan []string)
	over := make(chan struct{})
	go func() {
		defer close(over)
		watch.Loop(ctx, paths, func(d time.Duration) <-chan time.Time {
			ch := c.after(d)
			asked <- d
			return ch
		}, func(batch []string) { done <- batch })
	}()
	paths <- nil // nothing has happened
	paths <- []string{"a"}
	late, quiet := <-asked, <-asked
	paths <- []string{"b", "c"}
	if again := <-asked; again != quiet || quiet != watch.Quiet {
		t.Errorf("it waits %v, then %v", quiet, again)
	}
	c[quiet] <- time.Time{}
	if got := <-done; !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Errorf("the batch is %v", got)
	}
	// Something happens all the time.
	paths <- []string{"d"}
	_, _ = <-asked, <-asked
	c[late] <- time.Time{}
	if got := <-done; !slices.Equal(got, []string{"d"}) {
		t.Errorf("the batch is %v", got)
	}
	cancel()
	<-over
}
