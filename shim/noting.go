package shim

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"sync"
	"time"

	eventstypes "github.com/containerd/containerd/api/events"
	taskapi "github.com/containerd/containerd/api/runtime/task/v3"
	ctrdevents "github.com/containerd/containerd/v2/core/events"
	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/gocompose/gocompose/events"
	"github.com/gocompose/gocompose/shim/options"
	"github.com/gocompose/gocompose/shim/state"
)

// noter adds what happens to one container to the journal of events. Of one without
// a subject, as the zero value, it adds nothing.
type noter struct {
	journal events.Journal
	subject *events.Subject

	mu    sync.Mutex
	execs map[string]*execNote // by ID
}

// of begins to note what happens to the container with these options.
func (n *noter) of(o options.Options) {
	n.journal = events.In(o.Events)
	if s, err := events.Kept(o.Dir); err == nil {
		n.subject = &s
	}
}

func (n *noter) note(at time.Time, what events.Action, more ...string) {
	if n.subject != nil {
		n.journal.Note(n.subject.Event(at, what, more...))
	}
}

// died notes the end of a run.
func (n *noter) died(st state.State) {
	ran := st.ExitedAt.Sub(st.StartedAt) / time.Second
	n.note(st.ExitedAt, events.Die, events.ExitCode, strconv.Itoa(st.ExitCode), events.ExecDuration, strconv.FormatInt(int64(max(ran, 0)), 10))
}

// killed notes that a signal was sent.
func (n *noter) killed(s unix.Signal) {
	n.note(time.Now(), events.Kill, events.Signal, strconv.Itoa(int(s)))
}

// execNote is what is known of a program that is executed in a container.
type execNote struct {
	command string
	started bool
	exit    *eventstypes.TaskExit // it was told before the start was
}

// Exec notes that a program is made ready to be executed, and which it is.
func (s *service) Exec(ctx context.Context, r *taskapi.ExecProcessRequest) (*emptypb.Empty, error) {
	resp, err := s.prepareExec(ctx, r)
	c := s.container(r.ID)
	if err != nil || c == nil || r.ExecID == options.Probe {
		return resp, err
	}
	var process struct{ Args []string }
	_ = json.Unmarshal(r.Spec.GetValue(), &process) // the inner service has read it
	c.noter.execCreated(r.ExecID, strings.Join(process.Args, " "))
	return resp, nil
}

func (n *noter) execCreated(id, command string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.execs == nil {
		n.execs = map[string]*execNote{}
	}
	n.execs[id] = &execNote{command: command}
	n.note(time.Now(), events.ExecCreate(command), events.ExecID, id)
}

// startNoted has the inner service start a program, and notes that it runs.
func (s *service) startNoted(ctx context.Context, r *taskapi.StartRequest) (*taskapi.StartResponse, error) {
	at := time.Now()
	resp, err := s.TTRPCTaskService.Start(ctx, r)
	if c := s.container(r.ID); c != nil {
		c.noter.execStarted(r.ExecID, at, err)
	}
	return resp, err
}

// execStarted notes that a program runs, or has been run, unless it could not be.
func (n *noter) execStarted(id string, at time.Time, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	x := n.execs[id]
	switch {
	case x == nil:
		return
	case err != nil:
		delete(n.execs, id)
		return
	}
	x.started = true
	n.note(at, events.ExecStart(x.command), events.ExecID, id)
	if x.exit != nil {
		n.noteExit(x.exit)
	}
}

// execDied notes that it does no more.
func (n *noter) execDied(e *eventstypes.TaskExit) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch x := n.execs[e.ID]; {
	case x == nil:
	case x.started:
		n.noteExit(e)
	default:
		x.exit = e
	}
}

func (n *noter) noteExit(e *eventstypes.TaskExit) {
	delete(n.execs, e.ID)
	n.note(e.ExitedAt.AsTime(), events.ExecDie, events.ExecID, e.ID, events.ExitCode, strconv.FormatUint(uint64(e.ExitStatus), 10))
}

// notePublished notes what the inner service tells of a container, but for what
// the service itself sees.
func (s *service) notePublished(e ctrdevents.Event) {
	switch e := e.(type) {
	case *eventstypes.TaskPaused:
		s.noteOf(e.ContainerID, events.Pause)
	case *eventstypes.TaskResumed:
		s.noteOf(e.ContainerID, events.Unpause)
	case *eventstypes.TaskOOM:
		s.noteOf(e.ContainerID, events.OOM)
	case *eventstypes.TaskExit:
		if c := s.container(e.ContainerID); c != nil && e.ID != e.ContainerID {
			c.noter.execDied(e)
		}
	}
}

func (s *service) noteOf(id string, what events.Action) {
	if c := s.container(id); c != nil {
		c.noter.note(time.Now(), what)
	}
}
