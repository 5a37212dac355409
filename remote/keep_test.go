package remote

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

func TestManyThatWantTheSameFetchItOnce(t *testing.T) {
	cache := t.TempDir()
	var filled atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			dir, err := (&Files{Dir: cache}).keep(t.Context(), "git", "x", func(dir string) error {
				filled.Add(1)
				return os.WriteFile(filepath.Join(dir, filesFolder, "a"), []byte("a"), 0o600)
			})
			if err != nil {
				t.Error(err)
			} else if text, err := os.ReadFile(filepath.Join(dir, filesFolder, "a")); err != nil || string(text) != "a" {
				t.Errorf("%q, %v", text, err)
			}
		})
	}
	all.Wait()
	if n := filled.Load(); n != 1 {
		t.Errorf("fetched %d times", n)
	}
	if names := namesIn(t, filepath.Join(cache, "git")); len(names) != 1 {
		t.Errorf("%q", names)
	}
}

func namesIn(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// What is kept is not looked at again: nobody else may have put it there.
func TestFoldersOfOthersAreNotUsed(t *testing.T) {
	spoil := map[string]func(cache string) error{
		"writable for others": func(cache string) error { return os.Chmod(cache, 0o777) },
		"a kind is writable": func(cache string) error {
			return errors.Join(os.Mkdir(filepath.Join(cache, "git"), 0o700), os.Chmod(filepath.Join(cache, "git"), 0o770))
		},
		"a link": func(cache string) error { return os.Symlink(t.TempDir(), filepath.Join(cache, "git")) },
	}
	if os.Geteuid() == 0 {
		spoil["of another user"] = func(cache string) error { return os.Chown(cache, 65534, 65534) }
	}
	for name, spoil := range spoil {
		cache := t.TempDir()
		if err := errors.Join(os.Chmod(cache, 0o755), spoil(cache)); err != nil {
			t.Fatal(err)
		}
		_, err := (&Files{Dir: cache}).keep(t.Context(), "git", "x", func(string) error { return nil })
		if err == nil || !strings.Contains(err.Error(), "which is not a folder of this user alone") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

const killedIn = "GOCOMPOSE_TEST_KILLED_IN"

// A process that is killed in the middle leaves nothing that would be taken for whole, and the
// next one cleans up, whatever it fetches itself.
func TestAKilledFetchLeavesNoHalf(t *testing.T) {
	if cache := os.Getenv(killedIn); cache != "" {
		_, err := (&Files{Dir: cache}).keep(t.Context(), "git", "x", func(dir string) error {
			err := os.WriteFile(filepath.Join(dir, filesFolder, "half"), nil, 0o600)
			return errors.Join(err, unix.Kill(os.Getpid(), unix.SIGKILL))
		})
		t.Fatal("still here", err)
	}
	for _, next := range []string{"x", "y"} {
		cache := t.TempDir()
		cmd := exec.Command(os.Args[0], "-test.run=^TestAKilledFetchLeavesNoHalf$")
		cmd.Env = append(os.Environ(), killedIn+"="+cache)
		if err := cmd.Run(); err == nil {
			t.Fatal("it was not killed")
		}
		if names := namesIn(t, filepath.Join(cache, "git")); len(names) != 2 {
			t.Fatalf("it was killed elsewhere: %q", names)
		}
		dir, err := (&Files{Dir: cache}).keep(t.Context(), "git", next, func(string) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		if names := namesIn(t, filepath.Join(dir, filesFolder)); len(names) != 0 {
			t.Errorf("%q", names)
		}
		if names := namesIn(t, filepath.Join(cache, "git")); len(names) != 1 || names[0] != next {
			t.Errorf("%q", names)
		}
	}
}

func TestAFetchThatFailsLeavesNothing(t *testing.T) {
	cache := t.TempDir()
	wrong := errors.New("wrong")
	if _, err := (&Files{Dir: cache}).keep(t.Context(), "git", "x", func(string) error { return wrong }); !errors.Is(err, wrong) {
		t.Error(err)
	}
	if names := namesIn(t, filepath.Join(cache, "git")); len(names) != 0 {
		t.Errorf("%q", names)
	}
}
