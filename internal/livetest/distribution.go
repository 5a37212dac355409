package livetest

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// StartLoopback is StartDistribution where that package is, and otherwise StartRegistry.
func StartLoopback(t testing.TB) Registry {
	t.Helper()
	if _, err := exec.LookPath("docker-registry"); err != nil {
		return StartRegistry(t)
	}
	return StartDistribution(t)
}

// StartDistribution starts the registry that most others are made of, of Debian's
// package docker-registry, on loopback. It ends with the test, or with this process.
func StartDistribution(t testing.TB) Registry {
	t.Helper()
	program, err := exec.LookPath("docker-registry")
	if err != nil {
		t.Skip("needs docker-registry, of Debian's package of that name: ", err)
	}
	port, err := FreePort()
	if err != nil {
		t.Fatal(err)
	}
	r := Registry{Host: "127.0.0.1:" + port}
	dir := t.TempDir()
	config := filepath.Join(dir, "config.yml")
	text := fmt.Sprintf("version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: %q}\n",
		filepath.Join(dir, "data"), r.Host)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(program, "serve", config)
	c.Env = append(os.Environ(), "OTEL_TRACES_EXPORTER=none")
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	began, ended := make(chan error), make(chan struct{})
	go func() {
		defer close(ended)
		runtime.LockOSThread() // it dies with the thread that has started it
		err := c.Start()
		began <- err
		if err == nil {
			_ = c.Wait() // it is killed
		}
	}()
	if err := <-began; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Kill() // it may have ended
		<-ended
	})
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		resp, err := http.Get("http://" + r.Host + "/v2/")
		if err == nil {
			resp.Body.Close()
			return r
		}
		if time.Now().After(end) {
			t.Fatalf("%s does not listen: %v", program, err)
		}
	}
}
