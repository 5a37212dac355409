package netns_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gocompose/gocompose/networks/netns"
)

func TestAFileIsNoNamespace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "web")
	if is, err := netns.Exists(path); is || err != nil {
		t.Errorf("nothing: Exists() = %v, %v", is, err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if is, err := netns.Exists(path); is || err != nil {
		t.Errorf("a file: Exists() = %v, %v", is, err)
	}
}

func TestOneCannotEnterWhatIsNotThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "web")
	err := netns.Do(path, func() error { t.Error("entered"); return nil })
	if err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("Do() = %v, want an error that names %s", err, path)
	}
}
