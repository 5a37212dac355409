package plantest

import (
	"strconv"
	"strings"

	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

// killed is the exit code of what SIGKILL ends.
const killed = 137

// container is one in the world.
type container struct {
	planner.Container
	code     int // of the last exit
	restarts int // since the user started it
	checked  bool
	healthy  bool // the result of the check
	runs     int  // how often its process was started
	// joined are the IDs of the containers whose namespaces it is in, by the
	// attribute: they have the same again when they are started anew meanwhile, but
	// for that of processes, with which everything in it ends.
	joined map[string]string
	due    bool // its post_start is to be run
}

// fate is what becomes of a container that is left alone.
type fate struct {
	ends    bool // by itself
	code    int
	checked bool // it has a health check
	healthy bool // and passes it
}

// fateOf reads a fate from a specification: a command whose last word is
// "exit 3" ends like that, any other runs until it is stopped; a health check
// whose last word is "exit 1" fails, any other passes.
func fateOf(c project.Container) fate {
	var f fate
	f.code, f.ends = exits(c.Command)
	if h := project.EffectiveHealthcheck(c.Health, nil); h != nil {
		code, _ := exits(h.Test)
		f.checked, f.healthy = true, code == 0
	}
	return f
}

func exits(words []string) (code int, ends bool) {
	if len(words) == 0 {
		return 0, false
	}
	number, ends := strings.CutPrefix(words[len(words)-1], "exit ")
	code, err := strconv.Atoi(number)
	return code, ends && err == nil
}

// restarts tells whether the supervisor starts c again after it ended n times
// with that code.
func restarts(r project.Restart, code, n int) bool {
	if r.MaxAttempts > 0 && n >= r.MaxAttempts {
		return false
	}
	switch r.Condition {
	case project.RestartAlways, project.RestartUnlessStopped:
		return true
	case project.RestartOnFailure:
		return code != 0
	default:
		return false
	}
}

// start is the user's.
func (c *container) start() {
	c.runs++
	c.State, c.Stopped, c.restarts, c.checked = planner.StateRunning, false, 0, false
	c.due = len(c.Spec.Hooks.AfterStart) > 0
}

// end is the end of the process that nobody asked for.
func (c *container) end(code int) {
	c.code, c.checked, c.State = code, false, planner.StateExited
	if restarts(c.Spec.Restart, code, c.restarts) {
		c.State = planner.StateRestarting
	}
}

// pass lets so much time pass that nothing more happens, or the same again and
// again.
func (c *container) pass() {
	f := fateOf(c.Spec)
	if f.ends && c.State == planner.StateRunning {
		c.end(f.code)
	}
	for c.State == planner.StateRestarting {
		c.restarts++
		c.runs++
		if !f.ends {
			c.State = planner.StateRunning
		} else if c.end(f.code); c.Spec.Restart.MaxAttempts == 0 {
			break
		}
	}
	if c.State == planner.StateRunning {
		c.checked, c.healthy = f.checked, f.healthy
	}
}

// is tells whether c is what until says: nil, why it cannot be any more, or
// ErrForever when nothing becomes of it.
func (c container) is(until project.Condition) error {
	no := &planner.AwaitError{Container: c.Spec.Name, Service: c.Spec.Service, Until: until, ExitCode: c.code}
	checked := fateOf(c.Spec).checked
	switch {
	case c.State == planner.StateExited:
		if c.code == 0 && until != project.Healthy {
			return nil
		}
		no.Exited = true
		return no
	case c.State == planner.StateCreated || c.State == planner.StateRestarting || until == project.Completed:
		return ErrForever
	case !checked && until == project.Healthy:
		no.NoHealthcheck = true
		return no
	case !checked || c.checked && c.healthy:
		return nil
	case c.checked:
		return no
	default:
		return ErrForever
	}
}
