package host

import (
	"testing"

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
