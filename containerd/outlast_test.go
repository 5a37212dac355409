package containerd

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestAStepOutlastsItsContextForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		step, done := outlast(ctx)
		defer done()
		<-ctx.Done()
		ended := time.Now()
		if step.Err() != nil {
			t.Fatal("the step ended with its context")
		}
		<-step.Done()
		if got := time.Since(ended); got != outlastTime {
			t.Errorf("the step ended after %v, want %v", got, outlastTime)
		}
	})
}

func TestAStepThatIsDoneLeavesNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		_, before := outlast(ctx)
		before() // before ctx ends
		_, after := outlast(ctx)
		cancel()
		synctest.Wait()
		after() // after it; the test fails when a goroutine stays
	})
}
