package content_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/secrets/content"
)

func write(t *testing.T, path, content string) string {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(content), 0o600)); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestWhatCannotBeASecretIsRefused(t *testing.T) {
	dir := t.TempDir()
	if got, err := content.Read(write(t, dir+"/fine", "hunter2")); err != nil || string(got) != "hunter2" {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := content.Read(dir + "/none"); !errors.Is(err, content.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	if err := syscall.Mkfifo(dir+"/pipe", 0o600); err != nil {
		t.Fatal(err)
	}
	large := write(t, dir+"/large", "")
	if err := os.Truncate(large, content.MaxSize); err != nil {
		t.Fatal(err)
	}
	if got, err := content.Read(large); err != nil || len(got) != content.MaxSize {
		t.Errorf("of the largest there may be: %d, %v", len(got), err)
	}
	if err := os.Truncate(large, content.MaxSize+1); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		dir: "is a folder", dir + "/pipe": "not a regular file", "/dev/zero": "not a regular file", large: "larger than 10 MiB",
	} {
		if _, err := content.Read(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", path, err, want)
		}
	}
}

func TestExternalOnesStayInTheirFolders(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/outside", "not for containers")
	write(t, dir+"/credentials/both", "of systemd")
	write(t, dir+"/own/both", "own")
	write(t, dir+"/own/only", "only")
	write(t, dir+"/configs/site", "site")
	if err := os.Symlink("../outside", dir+"/own/link"); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{
		"CREDENTIALS_DIRECTORY": dir + "/credentials", "GOCOMPOSE_SECRETS": dir + "/own", "GOCOMPOSE_CONFIGS": dir + "/configs",
	}
	f := content.FromEnv(func(name string) string { return env[name] })
	for name, want := range map[string]string{"both": "of systemd", "only": "only"} {
		if got, err := f.External(project.KindSecret, name); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if got, err := f.External(project.KindConfig, "site"); err != nil || string(got) != "site" {
		t.Errorf("%q, %v", got, err)
	}
	for _, name := range []string{"../outside", "link", dir + "/outside"} {
		if got, err := f.External(project.KindSecret, name); err == nil {
			t.Errorf("%s leads out: %q", name, got)
		}
	}
	_, err := f.External(project.KindSecret, "none")
	want := "there is no such file: looked for " + dir + "/credentials/none and " + dir + "/own/none; make it"
	if !errors.Is(err, content.ErrNotFound) || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

func TestTheFoldersThereAreWithoutAnEnvironment(t *testing.T) {
	f := content.FromEnv(func(string) string { return "" })
	if !slices.Equal(f.Secrets, []string{"/etc/gocompose/secrets"}) || !slices.Equal(f.Configs, []string{"/etc/gocompose/configs"}) {
		t.Errorf("got %+v", f)
	}
}
