package planner

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/gocompose/gocompose/project"
)

// health compares health checks. No check of the service's own says the same as
// one that leaves everything open. A test can have secrets in it, as a command.
func (d *differ) health(have, want *project.Healthcheck) {
	var h, w project.Healthcheck
	if have != nil {
		h = *have
	}
	if want != nil {
		w = *want
	}
	if !slices.Equal(h.Test, w.Test) {
		d.changed("healthcheck.test")
	}
	d.duration("healthcheck.interval", h.Interval, w.Interval)
	d.duration("healthcheck.timeout", h.Timeout, w.Timeout)
	d.duration("healthcheck.start_period", h.StartPeriod, w.StartPeriod)
	d.duration("healthcheck.start_interval", h.StartInterval, w.StartInterval)
	d.value("healthcheck.retries", number(h.Retries), number(w.Retries))
}

func (d *differ) restart(h, w project.Restart) {
	d.value("restart", restartPolicy(h), restartPolicy(w))
	d.duration("deploy.restart_policy.delay", h.Delay, w.Delay)
	d.duration("deploy.restart_policy.window", h.Window, w.Window)
	d.value("x-gocompose.restart_unhealthy", yesNo(h.Unhealthy), yesNo(w.Unhealthy))
}

// duration compares durations; zero is not set.
func (d *differ) duration(field string, from, to time.Duration) {
	text := func(t time.Duration) string {
		if t == 0 {
			return ""
		}
		return t.String()
	}
	d.value(field, text(from), text(to))
}

// number writes n; zero is not set.
func number(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

// restartPolicy writes a policy as a Compose file does: "on-failure:3".
func restartPolicy(r project.Restart) string {
	out := cmp.Or(string(r.Condition), "no")
	if r.MaxAttempts != 0 {
		out += fmt.Sprintf(":%d", r.MaxAttempts)
	}
	return out
}
