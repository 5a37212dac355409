package view

import (
	"testing"
	"time"
)

func TestASpeedIsThatOfTheLastSeconds(t *testing.T) {
	var r rate
	start := time.Unix(1000, 0)
	if got := r.at(start, 0); got != 0 {
		t.Errorf("of nothing: %v", got)
	}
	for ms := 0; ms <= 10_000; ms += 100 { // 1000 a second, then 100
		value := int64(ms)
		if ms > 5000 {
			value = 5000 + int64(ms-5000)/10
		}
		r.put(start.Add(time.Duration(ms)*time.Millisecond), value)
		switch got := r.at(start.Add(time.Duration(ms)*time.Millisecond), value); {
		case ms < 200 && got != 0, ms == 4000 && got != 1000, ms == 10_000 && got != 100:
			t.Errorf("after %d ms: %v", ms, got)
		}
	}
	r.put(start.Add(11*time.Second), 3) // begun anew
	if got := r.at(start.Add(12*time.Second), 13); got != 10 {
		t.Errorf("begun anew: %v", got)
	}
}

func TestABarHasItsSpeedUntilItIsFull(t *testing.T) {
	start := time.Unix(1000, 0)
	for _, c := range []struct {
		current int64
		want    string
	}{
		{1_000_000, "[██████████░░░░░░░░░░] 1MB / 2MB 500kB/s"},
		{2_000_000, "[████████████████████] 2MB / 2MB"},
	} {
		r := row{update: update{status: working, current: c.current, total: 2_000_000}}
		r.rate.put(start, 0)
		if got := bar(r, start.Add(2*time.Second)); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}
