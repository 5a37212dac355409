package cmd

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project/loader"
)

func TestFilesAreWatchedAsLongAsContainersRun(t *testing.T) {
	for name, end := range map[string]func(*rehearsal) (code int, calls []string){
		"until all have ended": func(r *rehearsal) (int, []string) {
			r.world.exits("web-1", 0)
			r.world.exits("db-1", 0)
			return exitOK, []string{"apply", "watched"}
		},
		"until Ctrl-C": func(r *rehearsal) (int, []string) {
			r.interrupt(errInterrupted)
			return exitInterrupted, []string{"apply", "watched", "stop"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := rehearse(t, upMode{watch: true}, both)
			begun := make(chan struct{})
			r.watch = func(ctx context.Context) error {
				close(begun)
				<-ctx.Done()
				r.note("watched")
				return nil
			}
			r.start()
			<-begun
			code, calls := end(r)
			r.expectEnd(code, calls...)
		})
	}
}

func TestContainersRunOnWhenWatchingFails(t *testing.T) {
	r := rehearse(t, upMode{watch: true}, both)
	r.watch = func(context.Context) error { return errors.New("too many folders") }
	r.start()
	r.out.shows(t, "watching has ended: too many folders\n")
	r.world.exits("web-1", 0)
	r.world.exits("db-1", 0)
	r.expectEnd(exitOK, "apply")
}

func TestWhatComesWhileNobodyAsksIsQueued(t *testing.T) {
	in := make(chan []string)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out := queued(ctx, in)
	for _, path := range []string{"a", "b", "c"} {
		in <- []string{path}
	}
	var got []string
	for len(got) < 3 {
		got = append(got, <-out...)
	}
	if want := []string{"a", "b", "c"}; !slices.Equal(got, want) {
		t.Errorf("there is %v, want %v", got, want)
	}
}

// What is built anew is no reason to forget how services were brought up.
func TestWhatIsBuiltAnewIsBroughtUpAsBefore(t *testing.T) {
	grace := time.Minute
	w := watching{watchSetting: watchSetting{asked: upFlags{
		scale: []string{"web=3"}, trust: trustFlags{verify: "cosign.pub", locked: true}, grace: &grace, building: buildWishes{quiet: true},
	}}}
	f := w.rebuilding()
	c, err := f.change([]string{"web"})
	if err != nil {
		t.Fatal(err)
	}
	var o loader.Options
	c.load(&o)
	if o.Scale["web"] != 3 || o.VerifyKey != "cosign.pub" || !o.Locked || !o.NoDeps || f.grace != &grace || c.builds.mode != "quiet" {
		t.Errorf("%+v, %+v", f, o)
	}
	if c.pull.Build != planner.BuildAlways {
		t.Errorf("it is built %q", c.pull.Build)
	}
}

func TestPathsOfCp(t *testing.T) {
	for arg, want := range map[string][2]string{
		"web:/a": {"web", "/a"}, "web:a:b": {"web", "a:b"}, "web:": {"web", ""}, "/a:b": {"", "/a:b"}, "./a:b": {"", "./a:b"}, "..:b": {"", "..:b"},
		"a/b:c": {"", "a/b:c"}, ":a": {"", ":a"}, "-": {"", "-"}, "a": {"", "a"}, "": {"", ""},
	} {
		if service, path := cpPath(arg); service != want[0] || path != want[1] {
			t.Errorf("%q is %q and %q, want %q", arg, service, path, want)
		}
	}
}

func FuzzPathsOfCp(f *testing.F) {
	f.Add("web:/a:b")
	f.Fuzz(func(t *testing.T, arg string) {
		service, path := cpPath(arg)
		if service == "" && path != arg || service != "" && service+":"+path != arg {
			t.Errorf("%q is %q and %q", arg, service, path)
		}
	})
}
