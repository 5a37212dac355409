package state_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gocompose/gocompose/shim/state"
)

func TestWhatIsWrittenIsRead(t *testing.T) {
	dir := t.TempDir()
	now := time.Now().UTC()
	for _, want := range []state.State{
		{Running: true, Pid: 7, StartedAt: now},
		{Pid: 7, StartedAt: now, ExitedAt: now.Add(time.Second), ExitCode: 137, OOMKilled: true},
	} {
		if err := state.Write(dir, want); err != nil {
			t.Fatal(err)
		}
		got, err := state.Read(dir)
		if err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Errorf("left behind: %v, %v", files, err)
	}
}

func TestNeverStartedIsNotExist(t *testing.T) {
	dir := t.TempDir()
	if _, err := state.Read(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "state.json"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := state.Read(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("empty file: %v", err)
	}
}

func TestARemovedContainerIsNotBroughtBack(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "gone")
	if err := state.Write(dir, state.State{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the folder is back")
	}
}
