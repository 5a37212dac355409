package remote

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestWhatIsKeptGoesUnlessItIsAskedFor(t *testing.T) {
	f := &Files{Dir: t.TempDir()}
	ask := func(id string) string {
		t.Helper()
		dir, err := f.keep(t.Context(), "git", id, func(dir string) error {
			return os.WriteFile(filepath.Join(dir, filesFolder, "a"), make([]byte, 1<<16), 0o600)
		})
		if err != nil {
			t.Fatal(err)
		}
		return dir
	}
	if none, err := f.Kept(t.Context()); err != nil || len(none) > 0 {
		t.Fatalf("%+v, %v", none, err)
	}
	long := time.Now().Add(-time.Hour).Truncate(time.Second)
	for _, id := range []string{"a", "b"} {
		if err := os.Chtimes(ask(id), long, long); err != nil {
			t.Fatal(err)
		}
	}
	half := filepath.Join(f.Dir, "git", ".c"+partSuffix)
	if err := os.Mkdir(half, 0o700); err != nil {
		t.Fatal(err)
	}
	all, err := f.Kept(t.Context())
	if err != nil || len(all) != 2 || all[0].Dir != "git/a" || !all[0].Used.Equal(long) || all[0].Size < 1<<16 || all[0].Mounted {
		t.Fatalf("%+v, %v", all, err)
	}
	ask("b")
	for i, k := range append(all, all...) { // what has gone is no error
		if gone, err := f.Remove(k); err != nil || gone != (i == 0) {
			t.Errorf("%s: gone: %v, %v", k.Dir, gone, err)
		}
	}
	left, err := f.Kept(t.Context())
	if err != nil || len(left) != 1 || left[0].Dir != "git/b" || left[0].Used.Equal(long) {
		t.Errorf("%+v, %v", left, err)
	}
	if names := namesIn(t, filepath.Join(f.Dir, "git")); len(names) != 2 { // b, and what somebody fetches
		t.Errorf("%q", names)
	}
}
