package host

import (
	"maps"
	"testing"
)

// The frontend looks for what the Dockerfile names among the contexts, and for contexts by their names.
func TestWhatIsNotMadeYetIsTakenForEmpty(t *testing.T) {
	got := withoutImage(map[string]string{"a": "docker-image://base:1", "b": "docker-image://base:2", "c": "/srv"}, "docker.io/library/base:1")
	want := map[string]string{"a": "docker-image://scratch", "b": "docker-image://base:2", "c": "/srv", "docker.io/library/base:1": "docker-image://scratch"}
	if !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
