package supervisor

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/gocompose/gocompose/dns"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/supervisor/health"
	"github.com/gocompose/gocompose/supervisor/keep"
)

// TestEveryHistoryOfAContainerIsSound: whatever happens in whatever order, only
// a container that starts or runs holds something, and what is held is served
// and known by name; only what was wanted when it was looked at is going to be
// restarted; numbers of runs grow.
func TestEveryHistoryOfAContainerIsSound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table, open, fails := dns.NewTable(), 0, false
		n := names{
			table:     table,
			forwarder: dns.NewForwarder(func() ([]netip.AddrPort, error) { return nil, nil }),
			listen: func(ctx context.Context, path string) (net.PacketConn, net.Listener, error) {
				if fails {
					return nil, nil, errors.New("no such namespace")
				}
				open++
				pc, l, err := listenSilently(ctx, path)
				return counted{pc, &open}, l, err
			},
		}
		runs := 0
		c := &container{id: "a", phase: PhaseAbsent, number: func() int { runs++; return runs }}
		defer c.close()
		now := time.Now()
		seconds := func(name string) time.Time {
			return now.Add(time.Duration(rapid.IntRange(-100, 100).Draw(t, name)) * time.Second)
		}
		events := []string{"hold", "restore", "look", "look", "look", "released", "task", "probe"}
		for range rapid.IntRange(1, 30).Draw(t, "events") {
			was, run, changes := c.phase, c.runs, c.changes
			fails = rapid.Float64Range(0, 1).Draw(t, "fails") < 0.2
			e := plain("a", rapid.SampledFrom([]string{"10.0.0.2", "10.0.0.3"}).Draw(t, "address"))
			event := rapid.SampledFrom(events).Draw(t, "event")
			switch event {
			case "hold":
				if _, err := c.hold(t.Context(), n, e); err != nil && !fails {
					t.Fatalf("holding: %v", err)
				}
			case "restore":
				at := seconds("attached")
				_ = c.restore(t.Context(), n, e, at)
				if c.phase != PhaseStarting || c.since != at {
					t.Fatalf("restored into %v", c.phase)
				}
			case "look":
				c.observe(someView(t, now, seconds))
			case "released":
				c.released()
			case "task":
				doTask(t, c, now)
			case "probe":
				doProbe(t, c, now)
			}
			if c.phase != was && c.changes == changes {
				t.Fatalf("%s: from %v to %v unnoticed", event, was, c.phase)
			}
			if c.held != nil && !c.lives() && c.phase != PhaseStarting {
				t.Fatalf("%s: something is held in phase %v", event, c.phase)
			}
			if (c.held != nil) != (table.Len() == 1) {
				t.Fatalf("%s: held %v, %d hosts have names", event, c.held != nil, table.Len())
			}
			if open > 1 || open == 1 && c.held == nil {
				t.Fatalf("%s: %d name servers", event, open)
			}
			if c.phase == PhaseRestarting && c.kept == nil && c.failed == nil && c.task != restarting {
				t.Fatalf("%s: nobody wants what is going to be restarted", event)
			}
			if c.runs < run || c.lives() && c.runs == 0 {
				t.Fatalf("%s: run %d after %d", event, c.runs, run)
			}
			if c.checkup != nil && !c.lives() {
				t.Fatalf("%s: the health of one in phase %s", event, c.phase)
			}
			if _, due := c.nextDue(time.Minute); !due && c.task == noTask && !c.asked &&
				(c.phase == PhaseStarting || c.phase == PhaseEnded || c.phase == PhaseRestarting) {
				t.Fatalf("%s: nothing will ever happen to one in phase %s", event, c.phase)
			}
		}
	})
}

// A restart that fails while the user starts the container takes nothing away
// from that: neither at once, nor when it is seen that no process is there yet.
func TestARestartThatFailsLeavesTheStartOfTheUserAlone(t *testing.T) {
	for _, err := range []error{errEngineDown, ErrNoContainer, ErrUnwanted} {
		table := dns.NewTable()
		n := names{
			table:     table,
			forwarder: dns.NewForwarder(func() ([]netip.AddrPort, error) { return nil, nil }),
			listen:    listenSilently,
		}
		now := time.Now()
		c := &container{id: "a", phase: PhaseRestarting, task: restarting, number: func() int { return 1 }}
		defer c.close()
		if _, err := c.hold(t.Context(), n, plain("a", "10.0.0.2")); err != nil {
			t.Fatal(err)
		}
		began := now.Add(-time.Minute)
		c.restarted(now, err)
		seen := view{at: now, there: true, grace: time.Minute, info: Container{ID: "a", StartedAt: began, ExitedAt: now}}
		seen.kept = &keep.Record{ID: "a", Since: now, Before: began} // of the user's start
		c.observe(seen)
		if c.held == nil || table.Len() != 1 || c.phase != PhaseStarting {
			t.Errorf("%v: %d hosts have names in phase %s", err, table.Len(), c.phase)
		}
		// The user's command has never been there: it was the attempt that had held it.
		seen.kept = &keep.Record{ID: "a", Since: began}
		seen.info.Restart.Condition = project.RestartAlways
		c.observe(seen)
		if c.held != nil || c.phase != PhaseRestarting {
			t.Errorf("%v: held %v in phase %s", err, c.held != nil, c.phase)
		}
	}
}

func someView(t *rapid.T, now time.Time, seconds func(string) time.Time) view {
	v := view{
		at: now, there: rapid.IntRange(0, 9).Draw(t, "there") > 0, grace: time.Minute,
		exited: rapid.Bool().Draw(t, "said to have ended"),
	}
	if v.there {
		v.info = Container{ID: "a", StartedAt: seconds("started"), Restart: project.Restart{
			Condition:   rapid.SampledFrom([]project.RestartCondition{project.RestartAlways, project.RestartOnFailure}).Draw(t, "policy"),
			MaxAttempts: rapid.IntRange(0, 2).Draw(t, "attempts"), Unhealthy: rapid.Bool().Draw(t, "unhealthy"),
		}}
		if rapid.Bool().Draw(t, "runs") {
			v.info.Running, v.info.Paused = true, rapid.Bool().Draw(t, "paused")
		} else {
			v.info.ExitedAt, v.info.ExitCode = seconds("exited"), rapid.IntRange(0, 1).Draw(t, "code")
		}
		if rapid.Bool().Draw(t, "checked") {
			v.info.Health = &project.Healthcheck{Interval: time.Second, Retries: 1}
		}
	}
	if rapid.Bool().Draw(t, "kept") {
		v.kept = &keep.Record{ID: "a", Since: seconds("since"), Before: seconds("before"), Attempts: rapid.IntRange(0, 2).Draw(t, "tried")}
	}
	return v
}

// doTask begins the task that is due, or ends the one under way.
func doTask(t *rapid.T, c *container, now time.Time) {
	var err error
	if rapid.Bool().Draw(t, "task fails") {
		err = rapid.SampledFrom([]error{ErrUnwanted, ErrNoContainer, errEngineDown}).Draw(t, "how")
	}
	switch _, due := c.nextDue(time.Minute); {
	case c.task == cleaningUp:
		c.cleanedUp(c.changes, now, err)
	case c.task == restarting:
		c.restarted(now, err)
	case c.task == stopping:
		c.stopped(now)
	case !due:
	case c.phase == PhaseEnded, c.phase == PhaseRestarting && c.dirty:
		c.task = cleaningUp
	case c.phase == PhaseRestarting:
		c.task = restarting
	case c.mustStop():
		c.task = stopping
	}
}

func doProbe(t *rapid.T, c *container, now time.Time) {
	if c.probe != nil {
		c.probed(now, health.InTurn, health.Result{Start: now, End: now, ExitCode: rapid.IntRange(0, 1).Draw(t, "result")}, nil)
	} else if _, due := c.probeDue(); due && c.phase == PhaseRunning {
		c.probe = &probe{cancel: func() {}}
	}
}

// counted knows how many of it are open.
type counted struct {
	net.PacketConn
	open *int
}

func (c counted) Close() error {
	*c.open--
	return c.PacketConn.Close()
}
