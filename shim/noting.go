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
	execs map[string]string // the commands of programs executed in it, by ID
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
	if n.execs == nil {
		n.execs = map[string]string{}
	}
	n.execs[id] = command
	n.mu.Unlock()
	n.note(time.Now(), events.ExecCreate(command), events.ExecID, id)
}

// execStarted notes that a program runs.
func (n *noter) execStarted(id string, at time.Time) {
	n.mu.Lock()
	command, ok := n.execs[id]
	n.mu.Unlock()
	if ok {
		n.note(at, events.ExecStart(command), events.ExecID, id)
	}
}

// execDied notes that it does no more.
func (n *noter) execDied(e *eventstypes.TaskExit) {
	n.mu.Lock()
	_, ok := n.execs[e.ID]
	delete(n.execs, e.ID)
	n.mu.Unlock()
	if ok {
		n.note(e.ExitedAt.AsTime(), events.ExecDie, events.ExecID, e.ID, events.ExitCode, strconv.FormatUint(uint64(e.ExitStatus), 10))
	}
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
