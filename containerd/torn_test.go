package containerd

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

func TestWhatIsInTheWayForAWhileIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		err := again(t.Context(), 0, func() error {
			if calls++; calls < 4 {
				return errors.New("mkdir /run/x: file exists")
			}
			return nil
		})
		if err != nil || calls != 4 {
			t.Fatal(err, calls)
		}
	})
}

func TestWhatStaysInTheWayIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		err := again(t.Context(), 0, func() error { return errors.New("mkdir /run/x: file exists") })
		if err == nil {
			t.Fatal("no error")
		}
	})
}

func TestOtherErrorsAreNotTriedAgain(t *testing.T) {
	calls := 0
	again(context.Background(), 0, func() error { calls++; return errors.New("no space left") })
	if calls != 1 {
		t.Fatal(calls)
	}
}
