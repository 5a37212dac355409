package view

import (
	"strings"
	"time"

	"github.com/docker/go-units"
)

const barCells = 20

// bar shows how many bytes of a pull or a push are there, and how fast they come.
func bar(r row, now time.Time) string {
	if r.status != working || r.total <= 0 {
		return ""
	}
	full := percent(r.current, r.total) * barCells / 100
	text := "[" + strings.Repeat("█", full) + strings.Repeat("░", barCells-full) + "] " +
		units.HumanSize(float64(r.current)) + " / " + units.HumanSize(float64(r.total))
	if speed := r.rate.at(now, r.current); speed > 0 && r.current < r.total {
		text += " " + units.HumanSize(speed) + "/s"
	}
	return text
}

// rate is how fast a number grows: over the last second or two, so that it neither
// jumps nor remembers what was long ago.
type rate struct{ before, mark sample }

type sample struct {
	time  time.Time
	value int64
}

const rateInterval = time.Second

// put takes note of a value. One that is less than before begins anew.
func (r *rate) put(now time.Time, value int64) {
	switch {
	case r.mark.time.IsZero() || value < r.mark.value:
		*r = rate{mark: sample{now, value}, before: sample{now, value}}
	case now.Sub(r.mark.time) >= rateInterval:
		r.before, r.mark = r.mark, sample{now, value}
	}
}

// at returns the growth a second, or 0 when it is too early to tell.
func (r rate) at(now time.Time, value int64) float64 {
	since := now.Sub(r.before.time)
	if r.before.time.IsZero() || since < rateInterval/4 {
		return 0
	}
	return float64(value-r.before.value) / since.Seconds()
}
