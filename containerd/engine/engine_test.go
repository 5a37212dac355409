package engine

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gocompose/gocompose/internal/livetest"
	"github.com/gocompose/gocompose/internal/paths"
)

func TestEnvironmentIsNotTheStarters(t *testing.T) {
	c := Config{Paths: paths.Paths{Root: "/r", State: "/s"}}
	got := c.environ(located{shim: "/opt/bin/" + shimName}, []string{
		"PATH=/usr/bin", "HOME=/root", "NOTIFY_SOCKET=/run/systemd/notify", "LISTEN_FDS=1", "LISTEN_PID=7", "LISTEN_FDNAMES=x",
		"INVOCATION_ID=1", "JOURNAL_STREAM=8:9", "AWS_SECRET_ACCESS_KEY=secret", "OTEL_SERVICE_NAME=x", "TZ=UTC",
		"GOCOMPOSE_ROOT=/other", "GOCOMPOSE_STATE=/other", "GOCOMPOSE_NO_SYNC=1",
	})
	slices.Sort(got)
	want := []string{"GOCOMPOSE_NO_SYNC=1", "GOCOMPOSE_ROOT=/r", "GOCOMPOSE_STATE=/s", "PATH=/opt/bin:/usr/bin", "TZ=UTC"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestEnvironmentHasAPathWithoutOneOfTheStarters(t *testing.T) {
	for _, v := range (Config{}).environ(located{shim: "/opt/bin/" + shimName}, nil) {
		if path, ok := strings.CutPrefix(v, "PATH="); ok && !strings.Contains(path, ":/usr/sbin:") {
			t.Errorf("PATH is %s", path)
		}
	}
}

func TestMissingProgramsAreNamed(t *testing.T) {
	bin := t.TempDir()
	executable(t, filepath.Join(bin, "runc"), "#!/bin/sh\n")
	_, err := Ensure(t.Context(), Config{Paths: layout(t), Bin: bin})
	for _, word := range []string{"containerd, " + shimName + " not found", bin, "make build"} {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("error %v does not say %q", err, word)
		}
	}
	if err != nil && strings.Contains(err.Error(), "runc") {
		t.Errorf("runc is there, and the error says: %v", err)
	}
}

func TestForeignNeedsNoContainerdOfOurs(t *testing.T) {
	bin := allPrograms(t)
	if err := os.Remove(filepath.Join(bin, "containerd")); err != nil {
		t.Fatal(err)
	}
	_, err := Ensure(t.Context(), Config{Paths: layout(t), Bin: bin, Address: "/run/no-such.sock"})
	if !errors.Is(err, ErrNotRunning) {
		t.Errorf("error %v, want ErrNotRunning", err)
	}
}

func TestFindStartsNothing(t *testing.T) {
	p := layout(t)
	_, err := Find(t.Context(), Config{Paths: p})
	if !errors.Is(err, ErrNotRunning) || !strings.Contains(err.Error(), p.EngineSocket()) {
		t.Errorf("error %v, want ErrNotRunning and the address", err)
	}
	if left, err := os.ReadDir(p.State); err == nil {
		t.Errorf("it has made %v", left)
	}
}

func TestForeignThatDoesNotAnswerIsNamedWithTheWayOut(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "other.sock")
	_, err := Ensure(t.Context(), Config{Paths: layout(t), Bin: allPrograms(t), Address: "unix://" + socket})
	if !errors.Is(err, ErrNotRunning) {
		t.Errorf("error %v, want ErrNotRunning", err)
	}
	for _, word := range []string{socket, "start it", "--address"} {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("error %v does not say %q", err, word)
		}
	}
}

func TestForeignAnswers(t *testing.T) {
	bin := allPrograms(t)
	socket := livetest.Answer(t, settingsFrame)
	e, err := Find(t.Context(), Config{Paths: layout(t), Bin: bin, Address: "unix://" + socket})
	if err != nil {
		t.Fatal(err)
	}
	if e.Private || e.Address != socket || e.Runtime != filepath.Join(bin, shimName) || e.Pid != os.Getpid() {
		t.Errorf("got %+v", e)
	}
}

func TestForeignMustUnderstandOurShim(t *testing.T) {
	for version, want := range map[string]bool{
		"1.5.18": true, "0.9.0": true, "1.6.20~ds1": false, "v1.6.0-rc.1": false, "v1.7.27": false, "1.10.0": false,
		"2.2.1": false, "2.3.7+unknown": false, "2.10.0": false,
		"3.0.0": false, "": false, "devel": false,
	} {
		if got := tooOld(version); got != want {
			t.Errorf("version %q is too old: %t", version, got)
		}
	}
}

func TestForeignIsNeverStopped(t *testing.T) {
	if err := Stop(t.Context(), Config{Paths: layout(t), Address: "/run/other.sock"}); !errors.Is(err, ErrForeign) {
		t.Errorf("error %v, want ErrForeign", err)
	}
}

func TestOurOwnAddressIsNotForeign(t *testing.T) {
	c := Config{Paths: paths.Paths{State: "/s"}}
	for address, foreign := range map[string]bool{
		"": false, c.Paths.EngineSocket(): false, "unix://" + c.Paths.EngineSocket(): false, "/run/containerd/containerd.sock": true,
	} {
		c.Address = address
		if c.Foreign() != foreign {
			t.Errorf("address %q: foreign is %t", address, c.Foreign())
		}
	}
}

func TestAddressMustBeASocket(t *testing.T) {
	for _, address := range []string{"tcp://localhost:1", "containerd.sock"} {
		if _, err := Find(t.Context(), Config{Paths: layout(t), Address: address}); err == nil || !strings.Contains(err.Error(), address) {
			t.Errorf("address %q: error %v", address, err)
		}
	}
}

const settingsFrame = "\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x05\x00\x00\x40\x00"

// layout returns folders that do not exist yet.
func layout(t *testing.T) paths.Paths {
	t.Helper()
	dir := t.TempDir()
	return paths.Paths{Root: filepath.Join(dir, "root"), State: filepath.Join(dir, "state")}
}

// allPrograms returns a folder with programs that do nothing.
func allPrograms(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"containerd", "runc", shimName} {
		executable(t, filepath.Join(dir, name), "#!/bin/sh\n")
	}
	return dir
}

func executable(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
}
