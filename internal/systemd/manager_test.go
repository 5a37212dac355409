package systemd

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// machine is a folder that looks like one run by systemd, with a systemctl that
// notes how it is called, with the number of stops that the unit's file has.
func machine(t *testing.T) (m Manager, calls func() string) {
	t.Helper()
	m = Manager{Root: t.TempDir()}
	bin, log := t.TempDir(), filepath.Join(t.TempDir(), "calls")
	script := "#!/bin/sh\necho \"$*, $(grep -c ExecStopPost= '" + m.UnitFile() + "' 2>&1)\" >>'" + log + "'\n"
	if err := os.WriteFile(filepath.Join(bin, "systemctl"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(m.Root, "run/systemd/system"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	return m, func() string {
		data, err := os.ReadFile(log)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		if err := os.RemoveAll(log); err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
}

func TestInstallWritesTheUnitAndHasItStarted(t *testing.T) {
	m, calls := machine(t)
	for _, u := range []Unit{units()["default.service"], units()["moved.service"]} {
		if err := m.Install(t.Context(), u); err != nil {
			t.Fatal(err)
		}
		if got, want := calls(), "daemon-reload, 1\nenable --now gocompose.service, 1\n"; got != want {
			t.Errorf("calls %q, want %q", got, want)
		}
		text, err := os.ReadFile(m.UnitFile())
		if err != nil || string(text) != u.String() {
			t.Errorf("unit %q, %v", text, err)
		}
	}
	if installed, err := m.Installed(); !installed || err != nil {
		t.Errorf("installed: %v, %v", installed, err)
	}
}

func TestUninstallStopsNoContainers(t *testing.T) {
	m, calls := machine(t)
	u := units()["default.service"]
	if err := m.Install(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	calls()
	if err := m.Uninstall(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	got := calls()
	if !strings.HasPrefix(got, "daemon-reload, 0\ndisable --now gocompose.service, 0\ndaemon-reload, ") {
		t.Errorf("calls %q", got)
	}
	if installed, err := m.Installed(); installed || err != nil {
		t.Errorf("installed: %v, %v", installed, err)
	}
	if err := m.Uninstall(t.Context(), u); err != nil || calls() != "" {
		t.Errorf("uninstalling what is not there: %v", err)
	}
}

func TestUninstallThatFailedCanBeRepeated(t *testing.T) {
	m, calls := machine(t)
	u := units()["default.service"]
	if err := m.Install(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	broken := t.TempDir()
	if err := os.WriteFile(filepath.Join(broken, "systemctl"), []byte("#!/bin/sh\necho no bus >&2\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	path := os.Getenv("PATH")
	t.Setenv("PATH", broken+":"+path)
	err := m.Uninstall(t.Context(), u)
	if err == nil || !strings.Contains(err.Error(), "running systemctl daemon-reload: exit status 1: no bus") {
		t.Errorf("error %v", err)
	}
	t.Setenv("PATH", path)
	calls()
	if err := m.Uninstall(t.Context(), u); err != nil {
		t.Error(err)
	}
	if installed, err := m.Installed(); installed || err != nil {
		t.Errorf("installed: %v, %v", installed, err)
	}
}

func TestWithoutSystemdNothingIsWritten(t *testing.T) {
	m, calls := machine(t)
	if err := os.Remove(filepath.Join(m.Root, "run/systemd/system")); err != nil {
		t.Fatal(err)
	}
	if err := m.Install(t.Context(), units()["default.service"]); !errors.Is(err, ErrAbsent) {
		t.Errorf("error %v, want ErrAbsent", err)
	}
	if installed, err := m.Installed(); installed || err != nil || calls() != "" {
		t.Errorf("installed: %v, %v", installed, err)
	}
}

func TestEnabledIsWhatSystemctlHasLinked(t *testing.T) {
	m, _ := machine(t)
	if err := m.Install(t.Context(), units()["default.service"]); err != nil {
		t.Fatal(err)
	}
	if enabled, err := m.Enabled(); enabled || err != nil {
		t.Errorf("enabled: %v, %v", enabled, err)
	}
	wants := filepath.Join(m.units(), "multi-user.target.wants")
	if err := os.Mkdir(wants, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(m.UnitFile(), filepath.Join(wants, Name)); err != nil {
		t.Fatal(err)
	}
	if enabled, err := m.Enabled(); !enabled || err != nil {
		t.Errorf("enabled: %v, %v", enabled, err)
	}
}
