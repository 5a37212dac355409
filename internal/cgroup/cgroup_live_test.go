//go:build live

package cgroup

import (
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"
)

func TestACgroupGoesWhenTheLastProcessInItHasEnded(t *testing.T) {
	path := fmt.Sprintf("/gocompose-test-%d", os.Getpid())
	program := exec.Command("sleep", "60")
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	end := sync.OnceFunc(func() {
		_ = program.Process.Kill()
		_ = program.Wait()
	})
	defer end()
	if err := Enter(path+"/engine", program.Process.Pid); err != nil {
		t.Logf("some hierarchies do not take it: %v", err)
	}
	if err := RemoveSoon(path, time.Now()); err != nil {
		t.Fatal(err)
	}
	if left, err := exists(path); err != nil || !left {
		t.Fatalf("with a process in it, it is there: %v (%v)", left, err)
	}
	time.AfterFunc(50*time.Millisecond, end) // while it is waited for
	if err := RemoveSoon(path, time.Now().Add(20*time.Second)); err != nil {
		t.Fatal(err)
	}
	if left, err := exists(path); err != nil || left {
		t.Errorf("it is there: %v (%v)", left, err)
	}
}
