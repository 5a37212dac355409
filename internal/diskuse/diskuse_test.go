package diskuse

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// tree has files in two classes, one with two names, and one that is a hole.
func tree(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for _, name := range []string{"a/deep/one", "a/two", "b/three"} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(strings.Repeat("x", 100_000)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Link(filepath.Join(root, "a/two"), filepath.Join(root, "b/two-again")); err != nil {
		t.Fatal(err)
	}
	hole, err := os.Create(filepath.Join(root, "b/hole"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(hole.Truncate(1<<30), hole.Close()); err != nil {
		t.Fatal(err)
	}
	return root
}

func firstFolder(path string) string {
	first, _, _ := strings.Cut(path, "/")
	return first
}

func TestWhatIsSkippedIsNotLookedAt(t *testing.T) {
	sums, err := Of(t.Context(), tree(t), func(path string) string {
		if path == "a/deep" || path == "b/three" {
			return Skip
		}
		if strings.HasPrefix(path, "a/deep") {
			t.Errorf("%s was looked at", path)
		}
		return firstFolder(path)
	})
	if err != nil {
		t.Fatal(err)
	}
	if sums["a"] < 100_000 || sums["a"] > 200_000 || sums["b"] > 50_000 || sums[Skip] != 0 {
		t.Errorf("sums %v", sums)
	}
}

func TestTheSumIsThatOfDu(t *testing.T) {
	root := tree(t)
	sums, err := Of(t.Context(), root, firstFolder)
	if err != nil {
		t.Fatal(err)
	}
	if len(sums) != 3 || sums["a"] < 200_000 || sums["b"] < 100_000 || sums["b"] > 200_000 {
		t.Errorf("sums %v", sums)
	}
	out, err := exec.CommandContext(t.Context(), "du", "-s", "-B1", root).Output()
	if err != nil {
		t.Skipf("no du to compare with: %v", err)
	}
	du, err := strconv.ParseInt(strings.Fields(string(out))[0], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	if all := sums[""] + sums["a"] + sums["b"]; all != du {
		t.Errorf("%d bytes, du says %d", all, du)
	}
}

func TestNoFolderUsesNothing(t *testing.T) {
	sums, err := Of(t.Context(), filepath.Join(t.TempDir(), "none"), firstFolder)
	if err != nil || len(sums) != 0 {
		t.Errorf("got %v, %v", sums, err)
	}
}

func TestMeasuringEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Of(ctx, tree(t), firstFolder); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
