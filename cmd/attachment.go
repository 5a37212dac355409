package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/logs"
	"github.com/gocompose/gocompose/supervisor"
	"github.com/gocompose/gocompose/view"
)

// world is what an attachment needs of the host.
type world interface {
	// Watch calls changed, from one goroutine, with what becomes of the project's
	// containers, until ctx ends, which is its error. See host.Host.Watch.
	Watch(ctx context.Context, project string, changed func(supervisor.ContainerStatus)) error
	// Containers returns the containers that there are.
	Containers(ctx context.Context, project string) ([]host.Info, error)
	// Settled is Containers once no command is changing the project.
	Settled(ctx context.Context, project string) ([]host.Info, error)
	// Dir returns the folder of a container's logs.
	Dir(id string) string
}

// attachOptions say what an attachment shows and minds.
type attachOptions struct {
	project string
	// shows tells of which containers lines are printed, minds whose ends count:
	// the attachment is over when none of them is left running.
	shows, minds func(service string, replica int) bool
	// only is the ID of the only container that is looked at; empty: all are.
	only string
	// ends are printed: "web-1 exited with code 0".
	ends bool
	// began is when: ends before that are history.
	began time.Time
	// names are those of the containers that there will be, as they are shown.
	names []string
	// banner is printed before everything else; empty: nothing is.
	banner string
}

// attachment prints what containers print, and knows when they end. It goes on
// through restarts, and takes in containers that appear. What the supervisor
// tells is when to look and how runs ended; before it is over, what there is
// counts.
type attachment struct {
	world    world
	opt      attachOptions
	lines    *view.Logs // of the follower's goroutine
	follower *logs.Follower
	greeted  bool       // the banner is out; of the follower's goroutine
	later    logs.Query // of containers that appear

	work    sync.WaitGroup
	cancel  context.CancelFunc
	printed chan struct{} // closed when nothing more is printed
	broken  chan struct{} // closed when following has failed
	look    chan struct{} // holds one: nobody may be left, or something is unclear
	ended   chan struct{} // holds one: a container has ended for good

	mu         sync.Mutex
	news       int // counts the statuses
	containers map[string]*attached
	ends       []end // for good, of containers that are minded, in order
	err        error // why it is broken
}

// attached is what is known of one container.
type attached struct {
	name, service string
	dir           string
	minded        bool
	alive         bool      // it runs, or is going to, or that is undecided
	undecided     bool      // it has ended, and may be started again
	told          time.Time // the latest end that has been told of
	owed          bool      // it has ended since, nobody knows how yet
	news          int       // of the last status
}

// end is how a container ended.
type end struct {
	service string
	code    int
	dir     string // of its logs
}

func newAttachment(w world, lines *view.Logs, opt attachOptions) *attachment {
	a := &attachment{
		world: w, opt: opt, lines: lines,
		printed: make(chan struct{}), broken: make(chan struct{}),
		look: make(chan struct{}, 1), ended: make(chan struct{}, 1),
		containers: map[string]*attached{},
	}
	for _, n := range opt.names {
		lines.Register(n)
	}
	a.follower = logs.NewFollower(logs.FollowOptions{
		Emit: func(s logs.Source, e logs.Entry) error { return errors.Join(a.greet(), lines.Print(s.Name, e)) },
		Idle: lines.Flush,
	})
	return a
}

// begin attaches to what there is, each from where q begins, and follows from
// then on; later containers are shown from their beginning. When it returns, the
// past and the future are told apart. It goes on until close, even if ctx ends.
func (a *attachment) begin(ctx context.Context, infos []host.Info, q logs.Query) {
	a.later = logs.Query{Tail: -1, Until: q.Until}
	for _, i := range infos {
		a.see(sightingOf(i), q)
	}
	opened := make(chan struct{})
	a.follower.Then("", func() error {
		close(opened)
		return nil
	})
	ctx, a.cancel = context.WithCancel(context.WithoutCancel(ctx))
	a.work.Go(func() {
		defer close(a.printed)
		a.fail(ctx, a.follower.Run(ctx))
	})
	a.work.Go(func() {
		a.fail(ctx, a.world.Watch(ctx, a.opt.project, func(s supervisor.ContainerStatus) {
			a.see(sightingIn(s), a.later)
		}))
	})
	select {
	case <-opened:
	case <-a.printed: // it could not
	}
}

// begun tells whether there is something to close.
func (a *attachment) begun() bool { return a.cancel != nil }

// welcome has the banner printed, if no line was before.
func (a *attachment) welcome() { a.follower.Then("", a.greet) }

// after has do called when the lines of a container that has ended are printed,
// and that it has.
func (a *attachment) after(e end, do func()) {
	a.follower.Then(e.dir, func() error {
		do()
		return nil
	})
}

// close prints what was printed so far and ends the following. It returns what
// went wrong with it.
func (a *attachment) close() error {
	if !a.begun() {
		return nil
	}
	a.follower.Finish()
	<-a.printed
	a.cancel()
	a.work.Wait()
	return errors.Join(a.failure(), a.lines.Close())
}

func (a *attachment) fail(ctx context.Context, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err != nil && ctx.Err() == nil && a.err == nil {
		a.err = err
		close(a.broken)
	}
}

func (a *attachment) failure() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.err
}

// greet prints the banner, once, in the follower's goroutine.
func (a *attachment) greet() error {
	if a.greeted || a.opt.banner == "" {
		return nil
	}
	a.greeted = true
	return a.lines.Note(a.opt.banner)
}

// see takes in what is known of a container. One that was not known before is
// shown from where q begins.
func (a *attachment) see(s sighting, q logs.Query) {
	shows, minds := a.opt.shows(s.service, s.replica), a.opt.minds(s.service, s.replica)
	if !shows && !minds || a.opt.only != "" && s.id != a.opt.only {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	c := a.containers[s.id]
	if c == nil {
		c = &attached{name: displayName(s.name, a.opt.project), service: s.service, told: a.opt.began}
		c.dir = a.world.Dir(s.id)
		a.containers[s.id] = c
		if shows {
			a.follower.Add(logs.Source{Name: c.name, Dir: c.dir}, q)
		}
	}
	was := c.alive
	a.news++
	c.news, c.minded, c.alive, c.undecided = a.news, minds, s.stage != idle, s.stage == undecided
	switch {
	case c.undecided:
	case s.exitedAt.After(c.told):
		c.told = s.exitedAt
		a.tell(c, s)
	case c.owed && s.lost:
		a.tell(c, s)
	case was && !c.alive: // how it ended is not known here
		c.owed = true
		poke(a.look)
	}
	if !a.runsLocked() {
		poke(a.look)
	}
}

// tell takes note of an end, and has it printed after the lines before it.
func (a *attachment) tell(c *attached, s sighting) {
	c.owed = false
	text := fmt.Sprintf("exited with code %d", s.exitCode)
	if s.stage == restarting || s.stage == alive && s.restarted {
		text += " (restarting)"
	}
	if a.opt.ends {
		a.follower.Then(c.dir, func() error { return errors.Join(a.greet(), a.lines.Status(c.name, text)) })
	}
	if s.stage == idle && c.minded {
		a.ends = append(a.ends, end{c.service, s.exitCode, c.dir})
		poke(a.ended)
	}
}

// poke puts a token into a channel that holds one.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// runs tells whether a container that is minded is left running.
func (a *attachment) runs() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.runsLocked()
}

func (a *attachment) runsLocked() bool {
	for _, c := range a.containers {
		if c.minded && c.alive {
			return true
		}
	}
	return false
}

// settled tells whether nothing is left to wait for: no container that is
// minded runs, or is about to be started by a command that is under way.
func (a *attachment) settled(ctx context.Context) (bool, error) {
	for _, look := range []func(context.Context, string) ([]host.Info, error){a.world.Containers, a.world.Settled} {
		if err := a.compare(ctx, look); err != nil {
			return false, err
		}
		if a.runs() {
			return false, nil
		}
	}
	return true, nil
}

// looks is how often at most compare looks.
const looks = 10

// compare takes in what there is. What has been told meanwhile of a container is
// newer; when that is an end of which it is open what follows, it looks again.
func (a *attachment) compare(ctx context.Context, look func(context.Context, string) ([]host.Info, error)) error {
	for range looks {
		if again, err := a.takeIn(ctx, look); !again || err != nil {
			return err
		}
	}
	return nil
}

// takeIn is one look of compare; true: another one is needed.
func (a *attachment) takeIn(ctx context.Context, look func(context.Context, string) ([]host.Info, error)) (again bool, err error) {
	a.mu.Lock()
	before := a.news
	a.mu.Unlock()
	infos, err := look(ctx, a.opt.project)
	if err != nil {
		return false, err
	}
	there, overtaken := map[string]bool{}, map[string]bool{}
	for _, i := range infos {
		there[i.ID] = true
		if overtaken[i.ID] = a.hasNews(i.ID, before); !overtaken[i.ID] {
			a.see(sightingOf(i), a.later)
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for id, c := range a.containers {
		if !there[id] && c.news <= before {
			c.alive = false
		}
		again = again || c.undecided && overtaken[id]
	}
	return again, nil
}

// hasNews tells whether something has been told of a container since.
func (a *attachment) hasNews(id string, since int) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := a.containers[id]
	return c != nil && c.news > since
}

// wait returns when nothing is left to wait for, or over says that it is enough.
// Over is asked whenever a container has ended for good.
func (a *attachment) wait(ctx context.Context, over func([]end) bool) error {
	poke(a.look)
	for {
		if over(a.endsSoFar()) {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-a.broken:
			return a.failure()
		case <-a.ended:
		case <-a.look:
			settled, err := a.settled(ctx)
			if settled || err != nil {
				return err
			}
		}
	}
}

func (a *attachment) endsSoFar() []end {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.ends)
}
