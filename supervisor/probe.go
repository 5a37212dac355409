package supervisor

import (
	"context"
	"hash/fnv"
	"runtime"
	"slices"
	"time"

	"github.com/gocompose/gocompose/events"
	"github.com/gocompose/gocompose/supervisor/health"
)

const (
	// probesPerCPU bounds how many probes are begun at a time: each runs a
	// program in a container.
	probesPerCPU = 2
	// busyTime is how long a probe keeps others from being begun: what takes
	// longer waits for something, and so leaves the processor to others.
	busyTime = time.Second
)

// checkup is the checking of one run's health.
type checkup struct {
	run     health.Run
	tracker health.Tracker
	queued  bool // its turn has come, and it waits until others are over
	// Of probes that could not be made: how many in a row, and when to try again.
	failures int
	retryAt  time.Time
}

// probe is one that is under way. It is stale when its result is about nothing
// any more: the run is over, or paused.
type probe struct {
	cancel context.CancelFunc
	stale  bool
}

// newCheckup begins, or goes on with, checking a run. It is nil for one that is
// not to be checked.
func newCheckup(id string, started time.Time, v view) *checkup {
	if v.info.Health == nil {
		return nil
	}
	spread := fnv.New32a()
	_, _ = spread.Write([]byte(id)) // never fails
	k := &checkup{
		run:     health.Run{Check: *v.info.Health, StartedAt: started, Spread: float64(spread.Sum32()) / (1 << 32)},
		tracker: health.New(),
	}
	if v.health != nil {
		k.tracker = *v.health
		if k.tracker.Regular.After(v.at) { // the clock was turned back
			k.tracker.Regular = v.at
		}
	}
	return k
}

// dropProbe gives up the probe that is under way, if any is.
func (c *container) dropProbe() {
	if c.probe != nil {
		c.probe.stale = true
		c.probe.cancel()
	}
}

// probed: a probe is over.
func (c *container) probed(now time.Time, turn health.Turn, r health.Result, err error) {
	stale := c.probe.stale
	c.probe = nil
	if stale || c.checkup == nil {
		return
	}
	k := c.checkup
	if err != nil {
		k.failures++
		k.retryAt = now.Add(min(firstDelay<<min(k.failures, 10), lastDelay))
		return
	}
	k.failures, k.retryAt = 0, time.Time{}
	was := k.tracker.Status
	k.tracker = k.tracker.Add(k.run, turn, r)
	if k.tracker.Status != was {
		c.changes++
	}
}

// beginProbes begins as many of the probes as may be under way: first those
// that somebody waits for.
func (s *supervisor) beginProbes(ctx context.Context) {
	for _, c := range s.takeUnprobed() {
		begun := false
		s.on(c, func(c *container) {
			if c.checkup == nil || !c.checkup.queued {
				return
			}
			c.checkup.queued = false
			if c.phase == PhaseRunning && c.probe == nil {
				begun = true
				s.beginProbe(ctx, c)
			}
		})
		if !begun {
			s.probeOver()
		}
	}
}

// takeUnprobed returns the containers that may be probed now, counted as being
// probed.
func (s *supervisor) takeUnprobed() []*container {
	s.mu.Lock()
	defer s.mu.Unlock()
	var now []*container
	for _, queue := range []*[]*container{&s.urgent, &s.unprobed} {
		// There may be fewer processors than when the others were begun.
		n := max(0, min(len(*queue), probesPerCPU*runtime.GOMAXPROCS(0)-s.probing))
		now = append(now, (*queue)[:n]...)
		*queue = slices.Delete(*queue, 0, n)
		s.probing += n
	}
	return now
}

// queueProbe has the container probed when it can be.
func (s *supervisor) queueProbe(c *container) {
	c.checkup.queued = true
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.awaited.IsZero() {
		s.unprobed = append(s.unprobed, c)
	} else {
		s.urgent = append(s.urgent, c)
	}
}

// hurry lets a container that somebody has begun to wait for pass the others.
func (s *supervisor) hurry(c *container) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(s.unprobed, c); i >= 0 && !c.awaited.IsZero() {
		s.unprobed = slices.Delete(s.unprobed, i, i+1)
		s.urgent = append(s.urgent, c)
	}
}

// beginProbe probes the container, whose lock the caller has.
func (s *supervisor) beginProbe(ctx context.Context, c *container) {
	ctx, cancel := context.WithCancel(ctx)
	k := c.checkup
	c.probe = &probe{cancel: cancel}
	turn, check := k.tracker.Turn(k.run, time.Now()), k.run.Check
	s.work.Go(func() {
		long := time.AfterFunc(busyTime, s.probeOver)
		r, err := s.cfg.Runtime.Probe(ctx, c.id, check)
		cancel()
		s.on(c, func(c *container) { s.noteProbe(c, turn, r, err) })
		if long.Stop() {
			s.probeOver()
		}
	})
}

// noteProbe notes how a probe went. One that could not be made says nothing
// about the container's health, but perhaps the container does not run.
func (s *supervisor) noteProbe(c *container, turn health.Turn, r health.Result, err error) {
	was := c.summary().health
	if c.probed(time.Now(), turn, r, err); c.checkup == nil {
		return
	}
	if now := c.checkup.tracker.Status; now != was {
		s.noteHealth(c.id, r.End, now)
	}
	subject := probes + c.id
	switch k := c.checkup; {
	case k.failures == 1:
		s.ask(c.id)
	case k.failures > 1:
		s.report.set(subject, err)
	default:
		s.report.set(subject, s.records.writeHealth(c.id, k))
	}
}

// noteHealth adds to the journal of events that the container has become healthy,
// or unhealthy.
func (s *supervisor) noteHealth(id string, at time.Time, now health.Status) {
	if subject, err := events.Kept(s.cfg.Paths.Container(id)); err == nil {
		events.In(s.cfg.Paths.Events()).Note(subject.Event(at, events.Health(string(now))))
	}
}

// probeOver: one probe less keeps others from being begun.
func (s *supervisor) probeOver() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.probing--
	if len(s.urgent)+len(s.unprobed) > 0 {
		s.changed()
	}
}
