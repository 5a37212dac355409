package transfer_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gocompose/gocompose/transfer"
)

func TestPut(t *testing.T) {
	for _, c := range []struct {
		from, to string
		there    []string
		want     []string
	}{
		{from: "file", to: "/a/b/c", want: []string{"a/", "a/b/", "a/b/c: file"}},
		{from: "file", to: "/c", there: []string{"c"}, want: []string{"c: file"}},
		{from: "file", to: "/c", there: []string{"d", "c -> d"}, want: []string{"c: file", "d: d"}},
		{from: "file", to: "/c", there: []string{"c/d/e"}, want: []string{"c: file"}},
		{from: "dir", to: "/c", want: []string{"c/"}},
		{from: "dir", to: "/c", there: []string{"c/kept"}, want: []string{"c/", "c/kept: c/kept"}},
		{from: "dir", to: "/c", there: []string{"c"}, want: []string{"c/"}},
		{from: "dir", to: "/c", there: []string{"d/", "c -> d"}, want: []string{"c -> d", "d/"}},
		{from: "dir", to: "/"},
		{from: "link", to: "/c", want: []string{"c -> file"}},
		{from: "link", to: "/c", there: []string{"c/d"}, want: []string{"c -> file"}},
	} {
		t.Run(c.from+" over "+strings.Join(c.there, " "), func(t *testing.T) {
			from, to := tree(t, "file", "dir/inner", "link -> file"), tree(t, c.there...)
			source := transfer.Source{Place: transfer.Place{Root: open(t, from), Path: c.from}}
			if err := transfer.Put(t.Context(), source, transfer.Place{Root: open(t, to), Path: c.to}, mine()); err != nil {
				t.Fatal(err)
			}
			if got := list(t, to); !slices.Equal(got, c.want) {
				t.Errorf("there is %q, want %q", got, c.want)
			}
		})
	}
}

// swapping exchanges a folder of a root for a link that leads out, and back, until
// the test ends.
func swapping(t *testing.T, root, outside string) {
	t.Helper()
	at := func(name string) string { return filepath.Join(root, name) }
	if err := os.Symlink(outside, at("link")); err != nil {
		t.Fatal(err)
	}
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
			}
			_ = os.Rename(at("dir"), at("kept"))
			_ = os.Rename(at("link"), at("dir"))
			_ = os.Rename(at("dir"), at("link"))
			_ = os.Rename(at("kept"), at("dir"))
		}
	}()
	t.Cleanup(func() {
		close(stop)
		<-done
	})
}

// rounds is how often what races is tried: without the protection a few suffice.
const rounds = 300

func TestNoRaceLeadsOut(t *testing.T) {
	outside, check := secret(t)
	root := tree(t, "dir/secret")
	swapping(t, root, outside)
	from := tree(t, "secret", "dir/secret")
	for range rounds {
		for _, path := range []string{"dir", "dir/secret", "/"} {
			var out bytes.Buffer
			_ = transfer.Pack(&out, transfer.Source{Place: transfer.Place{Root: open(t, root), Path: path}, Follow: true})
			if slices.Contains(strings.Split(contents(t, &out), "\n"), "secret") {
				t.Fatalf("%s was read outside", path)
			}
		}
		place := transfer.Place{Root: open(t, root), Path: "dir/secret"}
		_ = transfer.Put(t.Context(), transfer.Source{Place: transfer.Place{Root: open(t, from), Path: "dir/secret"}}, place, mine())
		check()
		_ = transfer.Copy(t.Context(), transfer.Source{Place: transfer.Place{Root: open(t, from), Path: "dir/."}}, transfer.Place{Root: open(t, root), Path: "dir"}, mine())
		check()
		_ = transfer.Remove(place)
		check()
	}
}
