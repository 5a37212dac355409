package host

import (
	"context"
	"errors"
	"os/exec"
	"testing"
)

func TestWhatIsDoneWithAProcessEndsWithIt(t *testing.T) {
	process := exec.Command("sleep", "1d")
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	if err := whileRuns(t.Context(), process.Process.Pid, func(ctx context.Context) error { return ctx.Err() }); err != nil {
		t.Errorf("of one that runs: %v", err)
	}
	broken := errors.New("broken")
	if err := whileRuns(t.Context(), process.Process.Pid, func(context.Context) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
	begun := make(chan struct{})
	ended := make(chan error)
	go func() {
		ended <- whileRuns(t.Context(), process.Process.Pid, func(ctx context.Context) error {
			close(begun)
			<-ctx.Done()
			return ctx.Err()
		})
	}()
	<-begun
	if err := process.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, errEnded) {
		t.Errorf("of one that was killed: %v", err)
	}
	_ = process.Wait() // it was killed
	if err := whileRuns(t.Context(), process.Process.Pid, func(context.Context) error { return nil }); !errors.Is(err, errEnded) {
		t.Errorf("of one that is gone: %v", err)
	}
}
