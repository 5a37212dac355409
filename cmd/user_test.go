package cmd_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// nobody is the user without rights of Linux distributions.
const nobody = 65534

func TestAUserWithoutRootIsToldToUseSudo(t *testing.T) {
	p := newPlace(t)
	p.write(t, "root/containerd/there", "")
	for _, args := range []string{
		"up -d", "down", "create", "start", "stop", "restart", "kill", "pause", "unpause", "rm", "scale web=2", "wait web", "ps",
		"inspect", "logs", "plan", "up --dry-run",
		"image ls", "image pull a", "image rm a", "image load a", "system stop",
	} {
		code, _, stderr := p.run(t, args)
		if code != 1 || strings.TrimSpace(stderr) != "this needs root: run it with sudo" {
			t.Errorf("%s: exit code %d, %q", args, code, stderr)
		}
	}
}

func TestAUserWithoutRootCanLookAtFiles(t *testing.T) {
	p := newPlace(t)
	for args, want := range map[string]string{
		"config --services": "web\n",
		"version --short":   "1.2.3\n",
		"ps -q":             "", // nothing ever ran
	} {
		code, stdout, stderr := p.run(t, args)
		if code != 0 || stdout != want {
			t.Errorf("%s: exit code %d, %q, %s", args, code, stdout, stderr)
		}
	}
	if code, stdout, _ := p.run(t, "plan"); code != 0 || !strings.Contains(stdout, "container/web-1") {
		t.Errorf("plan: exit code %d, %q", code, stdout)
	}
}

// Nor need a user without root have the key by which contents are compared, where
// there is nothing to compare with; and one that must not make it is told why.
func TestAUserWithoutRootCanPlanSecrets(t *testing.T) {
	p := newPlace(t)
	p.write(t, "password", "hunter2")
	p.write(t, "compose.yaml", "name: shop\nservices: {web: {image: web, secrets: [password]}}\nsecrets: {password: {file: password}}\n")
	if code, stdout, stderr := p.run(t, "plan"); code != 0 || !strings.Contains(stdout, "container/web-1") {
		t.Errorf("plan: exit code %d, %q, %s", code, stdout, stderr)
	}
	if code, _, stderr := p.run(t, "up -d"); code != 1 || strings.TrimSpace(stderr) != "this needs root: run it with sudo" {
		t.Errorf("up: exit code %d, %q", code, stderr)
	}
	if err := os.Chmod(filepath.Join(p.dir, "password"), 0o600); err != nil {
		t.Fatal(err)
	}
	want := "compose.yaml:3:22: secrets.password.file: password cannot be read: permission denied; run this as root"
	if code, _, stderr := p.run(t, "plan"); code != 1 || strings.TrimSpace(stderr) != want {
		t.Errorf("plan without being allowed to read: exit code %d, %q", code, stderr)
	}
}

// place is a folder that every user may enter, with the program in it.
type place struct{ dir, program string }

func newPlace(t *testing.T) place {
	t.Helper()
	dir, err := os.MkdirTemp("", "gocompose-user-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	p := place{dir, filepath.Join(dir, "gocompose")}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if os.Link(self, p.program) != nil {
		copyProgram(t, self, p.program)
	}
	p.write(t, "compose.yaml", "name: shop\nservices: {web: {image: web}}\n")
	return p
}

func copyProgram(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}

func (p place) write(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join(p.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// run runs gocompose as a user that is not root.
func (p place) run(t *testing.T, args string) (code int, stdout, stderr string) {
	t.Helper()
	c := exec.Command(p.program, strings.Fields(args)...)
	c.Dir = p.dir
	c.Env = []string{"HOME=" + p.dir, "GOCOMPOSE_ROOT=" + p.dir + "/root", "GOCOMPOSE_STATE=" + p.dir + "/state", noRaceSleep}
	if os.Geteuid() == 0 {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return c.ProcessState.ExitCode(), out.String(), errs.String()
}
