package cmd

import (
	"context"
	"errors"
	"slices"
	"testing"
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
