package systemd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/gocompose/gocompose/internal/atomicfile"
)

// ErrAbsent: the machine was not booted with systemd.
var ErrAbsent = errors.New("this machine is not run by systemd (there is no /run/systemd/system)")

// Manager is the service manager of a machine.
type Manager struct {
	// Root is where the machine's files are: "/".
	Root string
}

// UnitFile is the path of the unit's file.
func (m Manager) UnitFile() string { return filepath.Join(m.units(), Name) }

func (m Manager) units() string { return filepath.Join(m.Root, "etc/systemd/system") }

// Installed tells whether the unit's file is there.
func (m Manager) Installed() (bool, error) { return exists(m.UnitFile()) }

// Enabled tells whether the unit is started at boot, by the link that `systemctl
// enable` makes.
func (m Manager) Enabled() (bool, error) {
	return exists(filepath.Join(m.units(), "multi-user.target.wants", Name))
}

func exists(path string) (bool, error) {
	_, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// Install writes the unit and has it started, now and at each boot. A unit that
// runs goes on: what is new in its file counts from its next start or stop.
func (m Manager) Install(ctx context.Context, u Unit) error {
	if err := m.check(); err != nil {
		return err
	}
	if err := m.write(ctx, u.String()); err != nil {
		return err
	}
	return systemctl(ctx, "enable", "--now", Name)
}

// Uninstall takes the unit away; what it has started goes on. No unit is no
// error. One that was interrupted can be repeated.
func (m Manager) Uninstall(ctx context.Context, u Unit) error {
	installed, err := m.Installed()
	if err != nil || !installed {
		return err
	}
	if err := m.check(); err != nil {
		return err
	}
	// A unit that is taken away while it counts as started stays in systemd's
	// memory, and one that is stopped stops the containers.
	if err := m.write(ctx, u.withoutStop()); err != nil {
		return err
	}
	if err := systemctl(ctx, "disable", "--now", Name); err != nil {
		return err
	}
	if err := atomicfile.Remove(m.UnitFile()); err != nil {
		return err
	}
	return systemctl(ctx, "daemon-reload")
}

// write puts the unit in place, for systemd to know.
func (m Manager) write(ctx context.Context, text string) error {
	if err := os.MkdirAll(m.units(), 0o755); err != nil {
		return err
	}
	if err := atomicfile.Write(m.UnitFile(), []byte(text), 0o644); err != nil {
		return err
	}
	return systemctl(ctx, "daemon-reload")
}

// check looks as sd_booted(3) does.
func (m Manager) check() error {
	info, err := os.Stat(filepath.Join(m.Root, "run/systemd/system"))
	if err != nil || !info.IsDir() {
		return ErrAbsent
	}
	return nil
}

func systemctl(ctx context.Context, args ...string) error {
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, "systemctl", args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("running systemctl %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(out.String()))
	}
	return nil
}
