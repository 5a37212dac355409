//go:build live

package namespaces_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/gocompose/gocompose/namespaces"
)

func in(t *testing.T) namespaces.Namespaces {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "namespaces")
	n := namespaces.In(dir)
	t.Cleanup(func() {
		for _, id := range []string{"db", "db", "app", "guest"} {
			if err := n.Release(id); err != nil {
				t.Error(err)
			}
		}
		if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the folder is there: %v", err)
		}
	})
	return n
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// same tells whether two paths are one namespace, and what lies below the others
// one folder.
func same(t *testing.T, n namespaces.Namespaces, a, b string) bool {
	t.Helper()
	for _, of := range []func(string) string{n.IPC, n.Shm} {
		x, err := os.Stat(of(a))
		must(t, err)
		y, err := os.Stat(of(b))
		must(t, err)
		if !os.SameFile(x, y) {
			return false
		}
	}
	return true
}

func TestAnIPCNamespaceIsKeptWhileOthersAreInIt(t *testing.T) {
	n := in(t)
	const size = 1 << 20
	must(t, n.OwnIPC("db", size))
	must(t, os.WriteFile(filepath.Join(n.Shm("db"), "mark"), nil, 0o600))
	must(t, n.JoinIPC("app", "db"))
	must(t, n.JoinIPC("guest", "app")) // whose it is in the end
	for range 2 {
		must(t, n.OwnIPC("db", size))
		must(t, n.JoinIPC("app", "db"))
		if !same(t, n, "db", "app") || !same(t, n, "db", "guest") {
			t.Fatal("they are in different namespaces")
		}
		if owner, err := n.Owner("guest"); owner != "db" || err != nil {
			t.Fatalf("the owner is %q, %v", owner, err)
		}
		must(t, n.Release("db"))
		if there, err := n.Kept("db"); there || err != nil {
			t.Fatalf("released, and it is there: %v", err)
		}
	}
	must(t, n.OwnIPC("db", size))
	if _, err := os.Stat(filepath.Join(n.Shm("db"), "mark")); err != nil {
		t.Errorf("what was in /dev/shm is gone: %v", err)
	}
	for _, id := range []string{"app", "guest", "db"} {
		must(t, n.Release(id))
	}
	must(t, n.OwnIPC("db", size))
	if _, err := os.Stat(filepath.Join(n.Shm("db"), "mark")); err == nil {
		t.Error("nobody was in it, and it is the same as before")
	}
}

func TestTheHostsNamespacesAreShared(t *testing.T) {
	n := in(t)
	must(t, n.JoinIPC("app", namespaces.Host))
	must(t, n.JoinPID("app", "/proc/self/ns/pid"))
	for kind, path := range map[string]string{"ipc": n.IPC("app"), "pid": n.PID("app")} {
		host, err := os.Stat("/proc/self/ns/" + kind)
		must(t, err)
		bound, err := os.Stat(path)
		must(t, err)
		if !os.SameFile(host, bound) {
			t.Errorf("%s is another one", kind)
		}
	}
	if owner, err := n.Owner("app"); owner != namespaces.Host || err != nil {
		t.Errorf("the owner is %q, %v", owner, err)
	}
}

func TestWhatIsNotSharedCannotBeJoined(t *testing.T) {
	n := in(t)
	if err := n.JoinIPC("app", "db"); !errors.Is(err, namespaces.ErrNotShared) {
		t.Errorf("got %v", err)
	}
}

// Who has joined one owner's and starts again with another's is in that.
func TestAnotherOwnerIsAnotherNamespace(t *testing.T) {
	n := in(t)
	must(t, n.OwnIPC("db", 1<<20))
	must(t, n.JoinIPC("app", namespaces.Host))
	must(t, n.JoinIPC("app", "db"))
	if !same(t, n, "db", "app") {
		t.Error("it is in the one from before")
	}
}
