package host

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/gocompose/gocompose/buildkit"
	"github.com/gocompose/gocompose/internal/paths"
	"github.com/gocompose/gocompose/project"
)

// What was built here counts under the names of what the project builds, and does not pass for
// signed.
func TestWhatWasBuiltHereIsNotSigned(t *testing.T) {
	policy := project.Verify{Key: "k.pub", Content: "PEM"}
	p := &project.Project{Builds: []string{"built:1"}, Services: []project.Service{{Name: "web", Verify: policy}}}
	h := (&Host{cfg: Config{Paths: paths.Paths{Root: t.TempDir()}}}).WithTrust(p)
	if err := h.signatures().Add("sha256:a", builtHere); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		of   subject
		want bool
	}{
		{subject{"built:1", "sha256:a", "sha256:b"}, true},
		{subject{"built:1", "", "sha256:a"}, true},
		{subject{"built:1", "sha256:c", "sha256:d"}, false}, // loaded or tagged under that name
		{subject{"other:1", "sha256:a", "sha256:a"}, false},
	} {
		if got, err := h.wasBuilt(tt.of); got != tt.want || err != nil {
			t.Errorf("%+v: %v, %v", tt.of, got, err)
		}
	}
	if err := h.verify(t.Context(), subject{"built:1", "sha256:a", "sha256:b"}, []project.Verify{policy}); err != nil {
		t.Error(err)
	}
	for _, digest := range []string{"sha256:a", "sha256:b"} {
		if is, err := h.signatures().Has(digest, policy.Digest()); is || err != nil {
			t.Errorf("%s passes for signed: %v, %v", digest, is, err)
		}
	}
}

// That an image was built here is noted once: a build that has found nothing to do writes
// nothing, but where somebody else may have written.
func TestWhatWasBuiltIsNotedOnce(t *testing.T) {
	h := &Host{cfg: Config{Paths: paths.Paths{Root: t.TempDir()}}}
	note := func() os.FileInfo {
		t.Helper()
		if err := h.noteBuilt(t.Context(), project.Image{Ref: "built:1"}, buildkit.Result{Digest: "sha256:a"}); err != nil {
			t.Fatal(err)
		}
		if has, err := h.signatures().Has("sha256:a", builtHere); !has || err != nil {
			t.Fatalf("%v, %v", has, err)
		}
		found, err := filepath.Glob(filepath.Join(h.cfg.Paths.Root, "verified", "*.json"))
		if err != nil || len(found) != 1 {
			t.Fatalf("%q, %v", found, err)
		}
		info, err := os.Stat(found[0])
		if err != nil {
			t.Fatal(err)
		}
		return info
	}
	first := note()
	if again := note(); !os.SameFile(first, again) {
		t.Error("it is written again")
	}
	if err := os.Chmod(filepath.Join(h.cfg.Paths.Root, "verified", first.Name()), 0o666); err != nil {
		t.Fatal(err)
	}
	if again := note(); os.SameFile(first, again) {
		t.Error("what others may have written is believed")
	}
}
