package meter

import (
	"math"
	"testing"
	"time"
)

func TestCPUIsPercentOfOneProcessor(t *testing.T) {
	at := time.Unix(1000, 0)
	was := Counters{At: at, CPU: 10 * time.Second}
	for _, c := range []struct {
		is   Counters
		want float64
	}{
		{Counters{At: at.Add(time.Second), CPU: 10*time.Second + 250*time.Millisecond}, 25},
		{Counters{At: at.Add(2 * time.Second), CPU: 14 * time.Second}, 200},
		{Counters{At: at.Add(time.Second), CPU: time.Second}, 0}, // another run
		{Counters{At: at, CPU: 11 * time.Second}, 0},
	} {
		if got := CPU(was, c.is); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%+v: %v, want %v", c.is, got, c.want)
		}
	}
	if got := CPU(Counters{}, was); got != 0 {
		t.Errorf("without an earlier moment: %v", got)
	}
}

func TestMemoryShareOfTheLimit(t *testing.T) {
	if got := (Counters{Memory: 50, Limit: 200}).MemoryShare(); got != 25 {
		t.Errorf("%v", got)
	}
	if got := (Counters{Memory: 50}).MemoryShare(); got != 0 {
		t.Errorf("of no limit: %v", got)
	}
}
